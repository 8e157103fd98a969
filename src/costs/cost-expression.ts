/**
 * A cost as an expression in CEL, with the variables that Envoy AI Gateway gives its own: counts are uint, so that
 * `input_tokens + 3u * output_tokens` is one. Types are checked before the start.
 */
import { Environment, UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { type CostRule, countOf, type Spent, type TokenKind } from "./cost-rule.ts";

const counts: readonly (readonly [variable: string, kind: TokenKind])[] = [
  ["input_tokens", "input"],
  ["cached_input_tokens", "cached-input"],
  ["cache_creation_input_tokens", "cache-creation"],
  ["output_tokens", "output"],
  ["reasoning_tokens", "reasoning"],
  ["total_tokens", "total"],
];

/** As documents list them. */
export const expressionVariables: readonly string[] = [...counts.map(([variable]) => variable), "model", "backend"];

/** An expression is a line of a configuration file: more is no cost. */
const limits = { maxAstNodes: 500, maxDepth: 50, maxListElements: 100, maxMapEntries: 100 };

const numeric: readonly (string | undefined)[] = ["uint", "int", "double"];

const environment = counts.reduce(
  (known, [variable]) => known.registerVariable(variable, "uint"),
  new Environment({ limits }).registerVariable("model", "string").registerVariable("backend", "string"),
);

/** A text says why it is none. */
export function costExpression(key: string, text: string): CostRule | string {
  try {
    const expression = environment.parse(text);
    if (calls(expression.ast, BACKTRACKING))
      return `${BACKTRACKING} is not taken, as a client's model name can stall it`;
    const { valid, type, error } = expression.check();
    if (!valid) return firstLine(error);
    if (!numeric.includes(type)) return `its value is a ${type}, not a number`;
    return { key, text, cost: (spent) => numberOf(expression(variablesOf(spent))) };
  } catch (error) {
    return firstLine(error);
  }
}

/** Names of models are the clients', and the library's patterns are JavaScript's, whose time may grow with every letter by half. */
const BACKTRACKING = "matches";

/** Is the function called anywhere in it, on a value or by itself? */
function calls(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((each) => calls(each, name));
  if (typeof node !== "object" || node === null || !("op" in node) || !("args" in node)) return false;
  const { op, args } = node;
  const isCall = (op === "call" || op === "rcall") && Array.isArray(args) && args[0] === name;
  return isCall || calls(args, name);
}

function variablesOf(spent: Spent): Record<string, unknown> {
  const values: Record<string, unknown> = { model: spent.model, backend: spent.backend };
  for (const [variable, kind] of counts) values[variable] = new UnsignedInt(BigInt(countOf(spent.usage, kind)));
  return values;
}

/** A limiter counts whole numbers up: what is below nothing, or no number, is none. */
function numberOf(value: unknown): number {
  const number = value instanceof UnsignedInt ? Number(value.valueOf()) : Number(value);
  if (!Number.isFinite(number) || number < 0) throw new Error("its value is no number from 0 on");
  return number;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? "";
}

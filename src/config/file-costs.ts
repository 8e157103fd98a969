/** The costs of the config file: what the end of an answer tells of the tokens that it took. */

import { costExpression, expressionVariables } from "../costs/cost-expression.ts";
import { type CostRule, countRule, type TokenKind, tokenKinds } from "../costs/cost-rule.ts";
import { quoted } from "../discovery/pod-address.ts";
import type { Field } from "../discovery/yaml-tree.ts";
import { type FileReading, readFields, readItems, readText } from "./file-reading.ts";

/** Keys of one cost, as operators read of them. */
const costRows = [
  { key: "key", form: "a name", help: "What it is called in the metadata, under io.envoy.ai_gateway and pointsman." },
  { key: "of", form: Object.keys(tokenKinds).join(", "), help: "Which of the answer's counts it is." },
  {
    key: "expression",
    form: "an expression in CEL",
    help: `In place of \`of\`: a number made of ${expressionVariables.join(", ")}; counts are uint, as in \`3u\`. No \`matches\`.`,
  },
] as const;

/** The lines of the operators' table. */
export function costFileKeys(): { path: string; form: string; flag: string; help: string }[] {
  return costRows.map(({ key, form, help }) => ({ path: `costs[].${key}`, form, flag: "", help }));
}

const keyPattern = /^[A-Za-z_][\w.-]{0,127}$/;
const expectedKey = "a name of letters, digits, _, - and .";
const expectedOf = `one of ${Object.keys(tokenKinds).join(", ")}`;

export function readCosts(reading: FileReading, field: Field): CostRule[] {
  const seen = new Set<string>();
  return readItems(reading, field, "a list of costs").flatMap((cost) => readCost(reading, cost, seen) ?? []);
}

function readCost(reading: FileReading, field: Field, seen: Set<string>): CostRule | undefined {
  const { tree, fault } = reading;
  const known = costRows.map(({ key }) => key);
  const fields = readFields(reading, field, known, "a mapping with key, and of or expression");
  if (fields === undefined) return undefined;
  const keyField = fields.get("key") ?? tree.missing(field, "key");
  const key = readText(reading, keyField, expectedKey);
  if (key === undefined) return undefined;
  if (!keyPattern.test(key)) return tree.wrong(keyField, expectedKey);
  if (seen.size === seen.add(key).size) fault(keyField.place, "each key once", `${quoted(key)} again`);
  const [of, expression] = [fields.get("of"), fields.get("expression")];
  if ((of === undefined) === (expression === undefined)) {
    fault(field.place, "either of or expression", of === undefined ? "neither" : "both");
    return undefined;
  }
  if (of !== undefined) return readCount(reading, key, of);
  return expression && readExpression(reading, key, expression);
}

function readCount({ tree }: FileReading, key: string, field: Field): CostRule | undefined {
  const text = tree.text(field, expectedOf);
  if (text === undefined) return undefined;
  return Object.hasOwn(tokenKinds, text) ? countRule(key, text as TokenKind) : tree.wrong(field, expectedOf);
}

function readExpression(reading: FileReading, key: string, field: Field): CostRule | undefined {
  const expected = `a number in CEL, made of ${expressionVariables.join(", ")}`;
  const text = readText(reading, field, expected);
  if (text === undefined) return undefined;
  const rule = costExpression(key, text);
  if (typeof rule !== "string") return rule;
  reading.fault(field.place, expected, rule);
  return undefined;
}

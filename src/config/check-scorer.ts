/** Is a module's default export a scorer? What TypeScript proves of the built-in ones is checked here of foreign ones. */
import { nearestWord } from "../discovery/nearest-word.ts";
import { columnNames } from "../pods/columns.ts";
import { isThenable } from "../routing/scorer-step.ts";
import type { OptionSpec, Scorer } from "../scorer.ts";
import { isCorrect } from "./plugin-options.ts";

/** What the config file says of every scorer, so that no option can be called so. */
const useKeys = ["use", "weight"] as const;

/** Told of each thing that is wrong; `member` is where in the export, such as reads[0], "" for all of it. */
export type Complain = (member: string, expected: string, got: string, hint?: string) => void;

const namePattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const leanings: readonly unknown[] = ["affinity", "spread"];

/** undefined, and told why, where it is none. */
export function checkScorer(exported: unknown, complain: Complain): Scorer | undefined {
  let isScorer = true;
  const wrong: Complain = (...fault) => {
    isScorer = false;
    complain(...fault);
  };
  if (!isMapping(exported) || isThenable(exported)) {
    wrong("", "export default defineScorer({ ... })", isThenable(exported) ? "a promise" : shown(exported));
    return undefined;
  }
  const { name, summary, leaning, reads, options, build } = exported;
  if (typeof name !== "string" || !namePattern.test(name)) wrong("name", "a name in kebab-case", shown(name));
  if (typeof summary !== "string" || summary === "") wrong("summary", "a sentence", shown(summary));
  if (!leanings.includes(leaning)) wrong("leaning", '"affinity" or "spread"', shown(leaning));
  checkReads(reads, wrong);
  checkOptions(options, wrong);
  if (typeof build !== "function") wrong("build", "a function", shown(build));
  return isScorer ? (exported as unknown as Scorer) : undefined;
}

function checkReads(reads: unknown, wrong: Complain): void {
  if (!Array.isArray(reads) || reads.length === 0) {
    wrong("reads", "a list with one or more columns", shown(reads));
    return;
  }
  const known: readonly string[] = columnNames;
  for (const [at, name] of reads.entries()) {
    if (known.includes(name)) continue;
    wrong(`reads[${at}]`, `one of ${known.join(", ")}`, shown(name), nearestWord(String(name), known));
  }
}

function checkOptions(options: unknown, wrong: Complain): void {
  if (!isMapping(options)) {
    wrong("options", "options by name, {} for none", shown(options));
    return;
  }
  for (const [name, spec] of Object.entries(options)) {
    const member = `options.${name}`;
    if (useKeys.some((taken) => taken === name))
      wrong(member, `another name than ${useKeys.join(" and ")}`, shown(name));
    if (!isMapping(spec)) wrong(member, "a mapping with default and help", shown(spec));
    else if (typeof spec["help"] !== "string") wrong(`${member}.help`, "a text", shown(spec["help"]));
    else if (!isPattern(spec["pattern"])) {
      wrong(
        `${member}.pattern`,
        "a regular expression such as /^[a-z]+$/ without the flags g and y",
        shown(spec["pattern"]),
      );
    } else if (!isCorrect(spec as unknown as OptionSpec, spec["default"])) {
      const expected = "a number, text, switch or list of texts that the option itself allows";
      wrong(`${member}.default`, expected, shown(spec["default"]));
    }
  }
}

/** With g or y it would go on where it stopped the last time. */
function isPattern(value: unknown): boolean {
  return value === undefined || (value instanceof RegExp && !value.global && !value.sticky);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof RegExp) return String(value);
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 60);
  } catch {
    return `a value of type ${typeof value}`;
  }
}

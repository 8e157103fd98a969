/** The options that scorers, filters and pickers declare: read from the config file, and shown in help and docs. */
import { isScalar, isSeq } from "yaml";
import type { Field } from "../discovery/yaml-tree.ts";
import type { OptionValues } from "../routing/option-values.ts";
import type { OptionSpec, OptionSpecs, OptionValue } from "../scorer.ts";
import type { Fields, FileReading } from "./file-reading.ts";

/** Those of `fields` that are declared and correct; a fault for every one that is declared and wrong. */
export function readPluginOptions(reading: FileReading, fields: Fields, specs: OptionSpecs): OptionValues {
  const values: Record<string, OptionValue> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const field = fields.get(name);
    const value = field && readOption(reading, field, spec);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

export interface OptionRow {
  readonly name: string;
  readonly default: string;
  /** What a correct value looks like. */
  readonly expects: string;
  readonly help: string;
}

/** For help and docs. */
export function pluginOptionRows(specs: OptionSpecs): OptionRow[] {
  return Object.entries(specs).map(([name, spec]) => {
    return { name, default: writtenDefault(spec), expects: expectedOf(spec), help: spec.help };
  });
}

/** As it would be written in the file. */
function writtenDefault(spec: OptionSpec): string {
  return isListed(spec) ? `[${spec.default.join(", ")}]` : JSON.stringify(spec.default);
}

function readOption({ tree }: FileReading, field: Field, spec: OptionSpec): OptionValue | undefined {
  const expected = expectedOf(spec);
  const { node } = field;
  if (isListed(spec)) {
    if (!isSeq(node)) return tree.wrong(field, expected);
    const items = tree.items(field, expected) ?? [];
    const texts = items.map((item) => readText(item, spec) ?? tree.wrong(item, spec.expects ?? "a text"));
    const good = texts.filter((text) => text !== undefined);
    return good.length === items.length ? good : undefined;
  }
  const value = typeof spec.default === "string" ? readText(field, spec) : isScalar(node) ? node.value : undefined;
  return isCorrect(spec, value) ? value : tree.wrong(field, expected);
}

/** undefined where it is no text, or not as it should be. */
function readText({ node }: Field, spec: OptionSpec): string | undefined {
  const value = isScalar(node) ? node.value : undefined;
  return typeof value === "string" && matches(spec, value) ? value : undefined;
}

/** Is this a value the option may have? */
export function isCorrect(spec: OptionSpec, value: unknown): value is OptionValue {
  if (isListed(spec)) {
    return Array.isArray(value) && value.every((each) => typeof each === "string" && matches(spec, each));
  }
  if (typeof value === "string") return typeof spec.default === "string" && matches(spec, value);
  if (typeof value === "number") return typeof spec.default === "number" && isInBounds(spec, value);
  return typeof value === "boolean" && typeof spec.default === "boolean";
}

function isListed(spec: OptionSpec): spec is Extract<OptionSpec, { default: readonly string[] }> {
  return Array.isArray(spec.default);
}

function isInBounds(spec: OptionSpec, value: number): boolean {
  const { min, max, integer } = boundsOf(spec);
  return Number.isFinite(value) && value >= min && value <= max && (!integer || Number.isInteger(value));
}

function matches(spec: OptionSpec, text: string): boolean {
  return !("pattern" in spec) || spec.pattern === undefined || spec.pattern.test(text);
}

/** "an integer >= 0", "a number 0..1", "true or false", ... */
function expectedOf(spec: OptionSpec): string {
  if (typeof spec.default === "boolean") return "true or false";
  if (typeof spec.default === "number") return expectedNumber(boundsOf(spec));
  const expects = "expects" in spec && spec.expects !== undefined ? spec.expects : "a text";
  return isListed(spec) ? `a list, each ${expects}` : expects;
}

function expectedNumber({ min, max, integer }: Bounds): string {
  const kind = integer ? "an integer" : "a number";
  const [isLow, isHigh] = [Number.isFinite(min), Number.isFinite(max)];
  if (isLow && isHigh) return `${kind} ${min}..${max}`;
  if (isLow) return `${kind} >= ${min}`;
  return isHigh ? `${kind} <= ${max}` : kind;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
}

function boundsOf(spec: OptionSpec): Bounds {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, integer = false } = spec as Partial<Bounds>;
  return { min, max, integer };
}

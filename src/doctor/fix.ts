/** What to do and what to see then, for the case at hand: lines of the catalogue with what was seen in place of their braces. */
import type { Line } from "./catalogue/row.ts";
import type { Finding } from "./verdict.ts";

type Case = Pick<Finding, "row" | "values">;

/** Lines of which nothing fits this case are left out. */
export function fixOf({ row, values = {} }: Case): string[] {
  return row.fix.flatMap((line) => filled(line, values) ?? []);
}

export function expectOf({ row, values = {} }: Case): string {
  return filled(row.expect, values) ?? "";
}

/** Of several ways to say it the first of which every word is known; a line with one way has capitals for what is not. */
function filled(line: Line, values: Readonly<Record<string, string>>): string | undefined {
  if (typeof line === "string") return filledIn(line, values);
  const fitting = line.find((way) => unknownIn(way, values).length === 0);
  return fitting === undefined ? undefined : filledIn(fitting, values);
}

/** Words in braces: those of YAML have a space, a quotation mark or nothing behind them. */
const BRACES = /\{(\w+)\}/g;

function unknownIn(way: string, values: Readonly<Record<string, string>>): string[] {
  return [...way.matchAll(BRACES)].map(([, key = ""]) => key).filter((key) => !hasValue(values, key));
}

function hasValue(values: Readonly<Record<string, string>>, key: string): boolean {
  return (values[key] ?? "") !== "";
}

/** In one pass: what was filled in is not looked at again. */
function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(BRACES, (_, key: string) => (hasValue(values, key) ? (values[key] ?? "") : key.toUpperCase()));
}

/** Every way to say a line, the best first: for the page with the whole catalogue. */
export function waysOf(line: Line): readonly string[] {
  return typeof line === "string" ? [line] : line;
}

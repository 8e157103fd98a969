/** Reads what an API server sent without trusting its shape: every step may lead nowhere. */

export type Json = Readonly<Record<string, unknown>>;

/** An object that cannot be what its resource promises; it is passed over and told. */
export class Malformed {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** What stands at the end of a path of names; undefined where the path breaks off. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (!isObject(here)) return undefined;
    here = here[name];
  }
  return here;
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" && found !== "" ? found : undefined;
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** A map of strings, such as labels; entries of another kind are left out. */
export function textMapAt(value: unknown, ...path: readonly string[]): Readonly<Record<string, string>> {
  const found = at(value, ...path);
  if (!isObject(found)) return {};
  const entries = Object.entries(found);
  if (entries.every(([, each]) => typeof each === "string")) return found as Readonly<Record<string, string>>;
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

/** Digits and nothing else, as ports stand in labels, annotations and flags. */
export function portOf(text: string): number | undefined {
  const trimmed = text.trim();
  return /^[1-9]\d{0,4}$/.test(trimmed) && isPort(Number(trimmed)) ? Number(trimmed) : undefined;
}

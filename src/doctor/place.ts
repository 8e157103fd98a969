/** A value somewhere in a tree of JSON or YAML, which knows its path there: what a verdict quotes as evidence. */

/** The very words that prove something, and where they stand. */
export interface Quote {
  /** A file, an address, or the flag that the words were given with. */
  readonly source: string;
  /** Counted from 1; absent where the source is a tree, whose path is in the text. */
  readonly line?: number;
  readonly text: string;
}

const SHOWN_LENGTH = 200;

export class Place {
  readonly value: unknown;
  readonly path: string;
  readonly source: string;

  constructor(value: unknown, source: string, path = "") {
    this.value = value;
    this.source = source;
    this.path = path;
  }

  get isThere(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** The place below these keys; one that is not there has none below it either, and its path still says where to look. */
  at(...keys: readonly (string | number)[]): Place {
    let here: Place = this;
    for (const key of keys) here = new Place(valueAt(here.value, key), this.source, joined(here.path, key));
    return here;
  }

  text(): string {
    return typeof this.value === "string" ? this.value : typeof this.value === "number" ? String(this.value) : "";
  }

  /** Numbers of 64 bits are written as text in the JSON of protobuf; a wrapper is the number itself, or `{value: 1}`. */
  number(): number | undefined {
    const { value } = this;
    if (typeof value === "number") return value;
    if (typeof value === "string" && value !== "" && Number.isFinite(Number(value))) return Number(value);
    return isRecord(value) && "value" in value ? this.at("value").number() : undefined;
  }

  isTrue(): boolean {
    return this.value === true || (isRecord(this.value) && this.value["value"] === true);
  }

  /** "0.200s", "300s", "10ms" -> milliseconds; undefined where nothing is said. */
  milliseconds(): number | undefined {
    const [, amount, unit] = /^(-?[\d.]+)(ms|s|m|h)$/.exec(this.text()) ?? [];
    if (amount === undefined || unit === undefined) return undefined;
    return Math.round(Number(amount) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as "ms" | "s" | "m" | "h"]);
  }

  items(): Place[] {
    const { value } = this;
    return Array.isArray(value) ? value.map((_, index) => this.at(index)) : [];
  }

  texts(): string[] {
    return this.items().map((item) => item.text());
  }

  entries(): [string, Place][] {
    const { value } = this;
    return isRecord(value) ? Object.keys(value).map((key) => [key, this.at(key)]) : [];
  }

  /** The path with its value, or with `isNot` where there is none. */
  quote(isNot = "is not there"): Quote {
    const { source, path } = this;
    if (!this.isThere) return { source, text: `${path} ${isNot}` };
    const shown = JSON.stringify(this.value);
    return { source, text: `${path}: ${shown.length > SHOWN_LENGTH ? `${shown.slice(0, SHOWN_LENGTH)}...` : shown}` };
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isRecord(value) ? value[key] : undefined;
}

function joined(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  const shown = /^[\w-]+$/.test(key) ? key : `["${key}"]`;
  return path === "" || shown.startsWith("[") ? `${path}${shown}` : `${path}.${shown}`;
}

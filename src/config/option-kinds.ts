/** The kinds of option: how each is written, checked and shown. */
import { isIP } from "node:net";
import { nearestWord } from "../discovery/nearest-word.ts";

export interface OptionKind<T> {
  /** What a correct value looks like, for faults and docs: "an integer >= 0". */
  readonly expects: string;
  /** undefined: not a value of this kind. */
  parse(text: string): T | undefined;
  show(value: T): string;
  /** May stand alone on the command line, meaning this value. */
  readonly alone?: T;
  /** All correct values, where they are words: for the one that was perhaps meant. */
  readonly words?: readonly string[];
  /** The correct value that a wrong text probably stands for, where it is none of a few words. */
  readonly meant?: (text: string) => string | undefined;
  /** Several with commas, which the config file may also have as a list. */
  readonly isList?: true;
  /** What the config file's JSON Schema says of a value; without it any scalar. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

/** What somebody who wrote `text` perhaps meant. */
export function meantBy({ words, meant }: OptionKind<unknown>, text: string): string | undefined {
  return words === undefined ? meant?.(text) : nearestWord(text, words);
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): OptionKind<number> {
  return {
    expects: max === Number.MAX_SAFE_INTEGER ? `an integer >= ${min}` : `an integer ${min}..${max}`,
    schema: { type: "integer", minimum: min, ...(max < Number.MAX_SAFE_INTEGER && { maximum: max }) },
    parse: (text) => {
      const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
    show: String,
  };
}

/** 0 asks the system for a free port. */
export const port = integer(0, 65_535);

/** As Go reads a switch, so that arguments written for its pickers keep their meaning. */
const switches: ReadonlyMap<string, boolean> = new Map([
  ...["true", "True", "TRUE", "t", "T", "1"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE", "f", "F", "0"].map((word) => [word, false] as const),
]);

export const flag: OptionKind<boolean> = {
  expects: "true or false",
  schema: { type: "boolean" },
  parse: (text) => switches.get(text),
  show: String,
  alone: true,
};

/** A flag that is settled by something else where nobody sets it. */
export const flagOrAuto: OptionKind<boolean | "auto"> = {
  expects: "true, false or auto",
  schema: { enum: [true, false, "auto"] },
  parse: (text) => (text === "auto" ? text : flag.parse(text)),
  show: String,
  alone: true,
  words: ["true", "false", "auto"],
};

export function text(expects: string): OptionKind<string> {
  return {
    expects,
    schema: { type: "string" },
    parse: (value) => value,
    show: (value) => (value === "" ? "none" : value),
  };
}

/** A host name is none: what it stands for may change, and a listener cannot follow. */
export const ipAddress: OptionKind<string> = {
  expects: "an IP address",
  schema: { type: "string" },
  parse: (value) => (isIP(value) === 0 ? undefined : value),
  show: (value) => value,
};

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

const textOrTexts = { type: ["string", "array"], items: { type: "string" } };

/** A list with commas of ip, ip:port or [v6]:port. */
export function socketAddresses(defaultPort: number): OptionKind<readonly SocketAddress[]> {
  return {
    expects: "IP addresses with commas, each with or without :port",
    isList: true,
    schema: textOrTexts,
    parse: (value) => {
      const parsed = value.split(",").map((part) => parseSocketAddress(part.trim(), defaultPort));
      const good = parsed.filter((each) => each !== undefined);
      return good.length === parsed.length ? good : undefined;
    },
    show: (value) => (value.length === 0 ? "none" : value.map(({ address, port }) => `${address}:${port}`).join(",")),
  };
}

function parseSocketAddress(text: string, defaultPort: number): SocketAddress | undefined {
  if (isIP(text) !== 0) return { address: text, port: defaultPort };
  const [, v6, v4, port = ""] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = v6 ?? v4 ?? "";
  const isGood = isIP(address) === (v6 === undefined ? 4 : 6) && Number(port) > 0 && Number(port) < 65_536;
  return isGood ? { address, port: Number(port) } : undefined;
}

/** In lower case, as HTTP/2 has them; none for "". */
export const headerNames: OptionKind<readonly string[]> = {
  expects: "names of headers with commas",
  isList: true,
  schema: textOrTexts,
  parse: (value) => {
    const names = value === "" ? [] : value.split(",").map((name) => name.trim().toLowerCase());
    return names.every((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) ? names : undefined;
  },
  show: (value) => (value.length === 0 ? "none" : value.join(",")),
};

/** One of them, or none. */
export const headerName: OptionKind<string> = {
  expects: "the name of a header",
  schema: { type: "string" },
  parse: (value) => {
    const [name = "", ...others] = headerNames.parse(value) ?? ["", ""];
    return others.length === 0 && (value === "" || name !== "") ? name : undefined;
  },
  show: (value) => value || "none",
};

/** The path of a URL, as it stands in a request line. */
export const urlPath: OptionKind<string> = {
  expects: 'a path that starts with "/"',
  schema: { type: "string", pattern: "^/[!-~]*$" },
  parse: (value) => (/^\/[!-~]*$/.test(value) ? value : undefined),
  show: (value) => value,
};

/** Such a path, or the empty text, which leaves out what would be asked for there. */
export const urlPathOrNone: OptionKind<string> = {
  expects: 'a path that starts with "/", or ""',
  schema: { type: "string", pattern: "^(/[!-~]*)?$" },
  parse: (value) => (value === "" ? "" : urlPath.parse(value)),
  show: (value) => (value === "" ? "none" : value),
};

export function choice<const C extends string>(...values: readonly C[]): OptionKind<C> {
  return {
    expects: `one of ${values.join(", ")}`,
    schema: { enum: values },
    parse: (value) => values.find((allowed) => allowed === value),
    show: (value) => value,
    words: values,
  };
}

const tlsVersions: Readonly<Record<string, "TLSv1.2" | "TLSv1.3">> = {
  "TLSv1.2": "TLSv1.2",
  "TLSv1.3": "TLSv1.3",
  VersionTLS13: "TLSv1.3",
  VersionTLS12: "TLSv1.2",
  // Nobody speaks these any more.
  VersionTLS11: "TLSv1.2",
  VersionTLS10: "TLSv1.2",
  "": "TLSv1.2",
};

/** In Node's words or in Go's. */
export const tlsVersion: OptionKind<"TLSv1.2" | "TLSv1.3"> = {
  expects: "TLSv1.2 or TLSv1.3, or VersionTLS12 or VersionTLS13",
  schema: { enum: ["TLSv1.2", "TLSv1.3", "VersionTLS12", "VersionTLS13"] },
  parse: (value) => (Object.hasOwn(tlsVersions, value) ? tlsVersions[value] : undefined),
  show: (value) => value,
  words: ["TLSv1.2", "TLSv1.3", "VersionTLS12", "VersionTLS13"],
};

/** Far below the longest timer of Node (24 days), which makes one millisecond of anything longer. */
const LONGEST_MS = 24 * 3_600_000;
const msByUnit: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Durations as the Go picker writes them: 50ms, 1.5s, 1m30s. */
export function durationMs(minMs: number, maxMs = LONGEST_MS): OptionKind<number> {
  const parse = (value: string): number | undefined => {
    if (value === "0") return minMs === 0 ? 0 : undefined;
    if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(value)) return undefined;
    let total = 0;
    for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
      total += Number(amount) * (msByUnit[unit ?? ""] ?? Number.NaN);
    }
    return total >= minMs && total <= maxMs ? total : undefined;
  };
  return {
    expects: `a duration ${showDuration(minMs)}..${showDuration(maxMs)} such as 50ms, 2s or 1m30s`,
    schema: { type: ["string", "integer"], pattern: "^(0|([0-9]+(\\.[0-9]+)?(ms|s|m|h))+)$", maximum: 0 },
    parse,
    show: showDuration,
    // A number lacks its unit.
    meant: (text) => {
      if (!/^[\d.]+$/.test(text)) return undefined;
      return ["ms", "s"].map((unit) => text + unit).find((each) => parse(each) !== undefined);
    },
  };
}

function showDuration(ms: number): string {
  if (ms > 0 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms > 0 && ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

const bytesByUnit: Record<string, number> = { "": 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, K: 1000, M: 1e6, G: 1e9 };

/** Sizes as Kubernetes writes them: 32Mi, 1Gi, 500000. */
export function byteCount(min: number, max = Number.MAX_SAFE_INTEGER): OptionKind<number> {
  const bounds = max === Number.MAX_SAFE_INTEGER ? `>= ${showBytes(min)}` : `${showBytes(min)}..${showBytes(max)}`;
  const parse = (value: string): number | undefined => {
    const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|K|M|G)?$/.exec(value) ?? [];
    const bytes = Math.floor(Number(amount) * (bytesByUnit[unit] ?? Number.NaN));
    return bytes >= min && bytes <= max ? bytes : undefined;
  };
  return {
    expects: `a size in bytes ${bounds} such as 512Ki, 32Mi or 1Gi`,
    schema: { type: ["string", "integer"], pattern: "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|K|M|G)?$", minimum: min },
    parse,
    show: showBytes,
    // "64MB", "64 MiB" and "64mi" are sizes to people.
    meant: (text) => {
      const [, amount = "", prefix = "", binary = ""] = /^(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b?$/i.exec(text) ?? [];
      const size = `${amount}${prefix.toUpperCase()}${binary.toLowerCase()}`;
      return parse(size) === undefined ? undefined : size;
    },
  };
}

function showBytes(bytes: number): string {
  for (const unit of ["Gi", "Mi", "Ki"]) {
    const size = bytesByUnit[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/**
 * What may stand in a log line. Fields are copied, never handed on: texts lose what looks like a key and the parts of
 * URLs that carry them, errors keep name, code, message and frames, and objects of other kinds only their name. No
 * prompt and no header is ever handed to the log; this is the second wall.
 */

const REMOVED = "[redacted]";
const LONGEST_TEXT = 2_000;
const LONGEST_MESSAGE = 500;
const MOST_ENTRIES = 100;
const MOST_FRAMES = 12;
const DEEPEST = 4;
const MOST_CAUSES = 3;

/** A field by such a name holds nothing that a log should have. */
const secretField =
  /^(proxy-)?authorization$|cookie|api[-_]?key|passw(or)?d|secret|credential|^(access[-_]?|id[-_]?|refresh[-_]?)?token$|^(body|headers|prompt|messages|input|query|content)$/i;

/** In order: a rule may rely on what those before it have left. */
const rules: readonly (readonly [RegExp, string])[] = [
  // What V8 quotes of a text that it could not parse.
  [/(?:\.\.\.)?"[\s\S]*"(?:\.\.\.)? is not valid JSON/g, "the text is not valid JSON"],
  // User and password of a URL, also of one without its scheme, then the query of a URL or of a path.
  [/\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#"'<>]*|[^\s/?#:"'<>]*:[^\s"'<>]*)@/gi, `$1${REMOVED}@`],
  [/(^|[\s"'=(])[\w.%+-]+:[^\s"'<>@]+@(?!sha\d)(?=[\w[])/g, `$1${REMOVED}@`],
  [/(\/[^\s?#"'<>]*)\?(?:[^\s"'<>]|'[^\s'"]*')+/g, `$1?${REMOVED}`],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${REMOVED}`],
  [/(["'](?:x-)?(?:api[-_]?key|passw(?:or)?d|secret|(?:access[-_]?)?token)["']\s*:\s*)"[^"]*"/gi, `$1"${REMOVED}"`],
  [/\b((?:x-)?api[-_]?key\s+)(?=[\w-]*\d)[\w-]{8,}/gi, `$1${REMOVED}`],
  [
    /\b((?:x-)?api[-_]?key|(?:proxy-)?authorization|(?:set-)?cookie|passw(?:or)?d|secret|(?:access[-_]?)?token)(["']?\s*[:=]\s*["']?)(?!Bearer |Basic |expected )[^\s"',;&}]+/gi,
    `$1$2${REMOVED}`,
  ],
  // The shapes of well-known keys, and of signed tokens.
  [/\b(?:sk|pk|hf|gh[opsu]|xox[abp]|glpat)[-_][\w-]{8,}/g, REMOVED],
  [/\bAKIA[0-9A-Z]{16}\b/g, REMOVED],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, REMOVED],
];

/** Nothing that a rule could take out is without one of these: most names and addresses have none. */
const suspect =
  /["@?=\s]|\/\/|key|authorization|cookie|passw|secret|token|(?:sk|pk|hf|gh[opsu]|xox[abp]|glpat)[-_]|eyJ|AKIA/i;

export function cleanText(text: string, longest = LONGEST_TEXT): string {
  if (text.length <= longest && !suspect.test(text)) return text;
  const isLong = text.length > longest;
  let clean = isLong ? text.slice(0, longest) : text;
  for (const [pattern, by] of rules) clean = clean.replace(pattern, by);
  return isLong ? `${clean}... (${text.length - longest} more)` : clean;
}

/** The fields of one line. */
export function cleanFields(fields: object): Record<string, unknown> {
  if (fields instanceof Error) return { err: cleanError(fields) };
  return cleanMembers(fields, DEEPEST);
}

function cleanMembers(fields: object, depth: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields).slice(0, MOST_ENTRIES)) {
    clean[cleanText(name, LONGEST_MESSAGE)] = secretField.test(name) ? REMOVED : cleanValue(value, depth - 1);
  }
  return clean;
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return cleanError(value);
  if (depth <= 0) return Array.isArray(value) ? `[${value.length} entries]` : "[object]";
  if (Array.isArray(value)) return value.slice(0, MOST_ENTRIES).map((each) => cleanValue(each, depth - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return `[${nameOf(value)}]`;
  return cleanMembers(value, depth);
}

export interface CleanError {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  /** Where it was thrown: frames alone, since a stack begins with the message. */
  readonly stack?: string;
  readonly cause?: CleanError;
}

/** Libraries hang requests, headers and bodies on their errors: nothing is taken but what is named here. */
export function cleanError(error: unknown, causes = MOST_CAUSES): CleanError {
  if (!(error instanceof Error)) return { type: typeof error, message: cleanText(String(error), LONGEST_MESSAGE) };
  const { code } = error as { code?: unknown };
  const frames = framesOf(error);
  return {
    type: cleanText(nameOf(error), LONGEST_MESSAGE),
    message: cleanText(String(error.message), LONGEST_MESSAGE),
    ...((typeof code === "string" || typeof code === "number") && { code }),
    ...(frames !== "" && { stack: frames }),
    ...(error.cause !== undefined && causes > 0 && { cause: cleanError(error.cause, causes - 1) }),
  };
}

/** One line, for where no JSON is written. */
export function errorLine(error: unknown): string {
  const { type, message, stack, cause } = cleanError(error);
  const because = cause === undefined ? "" : ` (because of ${cause.type}: ${cause.message})`;
  return [`${type}: ${message}${because}`, ...(stack?.split("\n") ?? [])].map((line) => line.trim()).join(" | ");
}

function framesOf({ stack }: Error): string {
  const lines = typeof stack === "string" ? stack.split("\n") : [];
  const frames = lines.filter((line) => /^\s+at\s.*(:\d+:\d+\)?|<anonymous>\)?)$/.test(line)).slice(0, MOST_FRAMES);
  return cleanText(frames.join("\n"));
}

function nameOf(value: object): string {
  const name: unknown = value instanceof Error ? value.name : value.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "object";
}

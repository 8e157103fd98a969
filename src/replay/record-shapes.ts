/** Lines of a log or a trace -> records; undefined for what has not all that a record needs, in the form it needs it. */
import type { PickLine } from "../explain/log-line.ts";

export type Json = Readonly<Record<string, unknown>>;

/** One request of a trace. */
export interface TraceRow {
  readonly atMs: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Names what stands in each 512 tokens of the prompt; undefined where the trace does not tell. */
  readonly ids: readonly number[] | undefined;
  /** Rows of a session follow one another: each begins `thinkMs` after the end of the one before. */
  readonly session: number | undefined;
  readonly thinkMs: number;
}

/** More than any context holds. */
const MOST_TOKENS = 16_000_000;

export function objectOf(line: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function pickOf(json: Json): PickLine | undefined {
  const { event, id, model, reason, promptTokens, pick, prefix, candidates } = json;
  if (event !== "pick" || typeof id !== "string" || typeof model !== "string" || typeof reason !== "string")
    return undefined;
  const isWhole = isCount(promptTokens) && isPicked(pick) && isPrefix(prefix) && areCandidates(candidates);
  return isWhole ? (json as unknown as PickLine) : undefined;
}

function isPicked(pick: unknown): boolean {
  if (pick === null) return true;
  return (
    isObject(pick) && typeof pick["pod"] === "string" && typeof pick["address"] === "string" && isCount(pick["seed"])
  );
}

function isPrefix(prefix: unknown): boolean {
  if (prefix === undefined) return true;
  return (
    isObject(prefix) && typeof prefix["ids"] === "string" && isCount(prefix["blockTokens"]) && prefix["blockTokens"] > 0
  );
}

function areCandidates(candidates: unknown): boolean {
  if (!isObject(candidates)) return false;
  const { pods, addresses, signals } = candidates;
  if (!isList(pods, isText) || !isList(addresses, isText) || pods.length !== addresses.length) return false;
  return isObject(signals) && Object.values(signals).every((values) => isList(values, isReading));
}

export function rowOf(json: Json): TraceRow | undefined {
  const { hash_ids: ids, input_length: promptTokens, session } = json;
  if (!isList(ids, isId) || !isCount(promptTokens) || promptTokens === 0 || promptTokens > MOST_TOKENS)
    return undefined;
  return {
    ...{ ids, promptTokens, atMs: numberOf(json["timestamp"]), thinkMs: numberOf(json["think"]) * 1000 },
    answerTokens: answerTokensOf(json["output_length"]),
    session: typeof session === "number" ? session : undefined,
  };
}

/** Time is counted from the first row on, whose clock is `firstMs`; NaN for the first itself. */
export function tableRowOf(line: string, firstMs: number): { row: TraceRow; wallMs: number } | undefined {
  const [time = "", prompt, answer] = line.split(",");
  // Seven decimals are more than a Date reads everywhere.
  const wallMs = Date.parse(`${time.trim().slice(0, 23).replace(" ", "T")}Z`);
  const promptTokens = Number(prompt);
  if (Number.isNaN(wallMs) || !isCount(promptTokens) || promptTokens === 0 || promptTokens > MOST_TOKENS)
    return undefined;
  const atMs = Number.isNaN(firstMs) ? 0 : wallMs - firstMs;
  const answerTokens = answerTokensOf(Number(answer));
  return { row: { atMs, promptTokens, answerTokens, ids: undefined, session: undefined, thinkMs: 0 }, wallMs };
}

function answerTokensOf(value: unknown): number {
  return Math.min(MOST_TOKENS, Math.max(1, Math.round(numberOf(value))));
}

/** 0 for what is no time or number. */
function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList<T>(value: unknown, is: (each: unknown) => each is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isId = (value: unknown): value is number => Number.isSafeInteger(value);
const isReading = (value: unknown): value is number | null => value === null || typeof value === "number";

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

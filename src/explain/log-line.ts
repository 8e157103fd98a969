/** The lines of the decision log, as objects: what is written there, and what a replay reads back. */
import { type DecisionRing, type Entry, HEAD_PARTS } from "./decision-ring.ts";

/**
 * Of the candidates, one value each in the same order; null is unknown. Columns, not rows: at 200 pods a line is a
 * quarter as long, and is made in a fraction of the time.
 */
export interface LoggedCandidates {
  readonly pods: readonly string[];
  readonly addresses: readonly string[];
  readonly totals: readonly number[];
  readonly ageMs: readonly (number | null)[];
  readonly signals: Readonly<Record<string, readonly (number | null)[]>>;
}

/** A decision, written when it was made. */
export interface PickLine {
  readonly event: "pick";
  readonly id: string;
  readonly requestId: string;
  readonly at: string;
  readonly pool: string;
  readonly model: string;
  readonly strategy?: string;
  readonly reason: string;
  readonly shadow: boolean;
  readonly priority?: number;
  readonly promptTokens: number;
  /** The prompt's fingerprint, one number for so many tokens; absent where there is none. */
  readonly prefix?: { readonly blockTokens: number; readonly ids: string };
  /** null for a refusal, whose code is the reason. */
  readonly pick: {
    readonly pod: string;
    readonly address: string;
    readonly score: number;
    readonly seed: number;
  } | null;
  readonly milliseconds: number;
  readonly candidates: LoggedCandidates;
  /** Of pods that were no candidates, by the reason. */
  readonly absent: Readonly<Record<string, readonly string[]>>;
}

/** How a logged request ended; numbers that were not seen are left out. */
export interface EndLine {
  readonly event: "end";
  readonly id: string;
  readonly requestId: string;
  readonly cause: string;
  readonly status?: number;
  readonly ttftMs?: number;
  readonly tpotMs?: number;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  readonly completionTokens?: number;
}

export interface LoggedRequest {
  readonly id: string;
  readonly requestId: string;
  readonly promptTokens: number;
  readonly prefix: PickLine["prefix"];
  /** What is known of pods beside what their scorers read, by column and slot. */
  readonly more: Readonly<Record<string, Float64Array>>;
}

/** In the tick of the decision. */
export function pickLine(ring: DecisionRing, entry: Entry, request: LoggedRequest): PickLine | undefined {
  const { decision, atMs, pool, model, elapsedMs, shadow } = entry;
  if (decision === undefined) return undefined;
  const { id, requestId, promptTokens, prefix, more } = request;
  const isPicked = decision.kind === "picked";
  const { strategy } = decision;
  const { priority } = isPicked ? decision : {};
  return {
    ...{ event: "pick", id, requestId, at: new Date(atMs).toISOString(), pool, model },
    ...(strategy !== undefined && { strategy }),
    ...{ reason: isPicked ? decision.reason : decision.code, shadow },
    ...(priority !== undefined && { priority }),
    promptTokens,
    ...(prefix !== undefined && { prefix }),
    pick: isPicked
      ? { pod: decision.pod.name, address: decision.pod.address, score: decision.score, seed: decision.seed }
      : null,
    milliseconds: Math.round(elapsedMs * 1000) / 1000,
    candidates: candidatesOf(ring, entry, more),
    absent: absentOf(ring, entry),
  };
}

function candidatesOf(ring: DecisionRing, entry: Entry, more: LoggedRequest["more"]): LoggedCandidates {
  const { size, reads, clockMs } = entry;
  const pods: string[] = [];
  const addresses: string[] = [];
  const slots = ring.part(entry, 0);
  for (const slot of slots) {
    const pod = ring.podAt(slot, entry);
    pods.push(pod?.name ?? "");
    addresses.push(pod?.address ?? "");
  }
  const signals: Record<string, (number | null)[]> = {};
  for (const [name, column] of Object.entries(more)) signals[name] = Array.from(slots, (slot) => known(column[slot]));
  for (const [at, name] of reads.entries()) signals[name] = Array.from(ring.part(entry, HEAD_PARTS + at), known);
  // What is known of nobody says nothing.
  for (const [name, values] of Object.entries(signals)) if (size > 0 && values.every(isNull)) delete signals[name];
  const ageMs = Array.from(ring.part(entry, 2), (toldAtMs) => known(Math.round(clockMs - toldAtMs)));
  return { pods, addresses, totals: [...ring.part(entry, 1)], ageMs, signals };
}

function absentOf(ring: DecisionRing, entry: Entry): Record<string, string[]> {
  const absent: Record<string, string[]> = {};
  for (const { pod, why } of ring.absentOf(entry)) {
    absent[why] ??= [];
    absent[why].push(pod);
  }
  return absent;
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function isNull(value: unknown): boolean {
  return value === null;
}

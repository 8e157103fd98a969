/** From an entry of the ring to the Explanation that people and programs read. */
import { errorCodes } from "../errors.ts";
import {
  ASIDE_BIT,
  type DecisionRing,
  type Entry,
  HEAD_PARTS,
  NEWCOMER_BIT,
  SILENT_BIT,
  STATE_PART,
} from "./decision-ring.ts";
import type { ExplainedCandidate, Explanation } from "./explanation.ts";
import { sentenceOf } from "./sentence.ts";

interface ScorerColumn {
  readonly name: string;
  readonly weight: number;
  /** Where its scores stand among those of the entry; -1 for one that had no say. */
  readonly at: number;
}

/** Undefined for an entry that was never made. `id` is what it is to be called. */
export function readDecision(ring: DecisionRing, entry: Entry, id: string): Explanation | undefined {
  const { decision } = entry;
  if (decision === undefined) return undefined;
  const isWhole = ring.isWhole(entry);
  const scorers = scorersOf(entry);
  const candidates = isWhole ? candidatesOf(ring, entry, scorers) : [];
  const told = {
    id,
    at: new Date(entry.atMs).toISOString(),
    pool: entry.pool,
    model: entry.model,
    ...(decision.strategy !== undefined && { strategy: decision.strategy }),
    reason: decision.kind === "picked" ? decision.reason : decision.code,
    seed: decision.kind === "picked" ? decision.seed : 0,
    ...(decision.kind === "picked" && decision.priority !== undefined && { priority: decision.priority }),
    milliseconds: Math.round(entry.elapsedMs * 1000) / 1000,
    shadow: entry.shadow,
    outcome: outcomeOf(decision),
    scorers: scorers.map(({ name, weight }) => ({ name, weight })),
    candidates,
    absent: ring.absentOf(entry),
  };
  return { ...told, sentence: isWhole ? sentenceOf(told) : "Its numbers are no longer kept." };
}

function outcomeOf(decision: NonNullable<Entry["decision"]>): Explanation["outcome"] {
  if (decision.kind === "refused") {
    return { kind: "refused", code: decision.code, message: errorCodes[decision.code].message };
  }
  const { pod, score } = decision;
  return { kind: "picked", pod: pod.name, address: pod.address, score };
}

/** In the order of their scores in the entry, those without a say behind them. */
function scorersOf({ trace, isScored, telling, decision }: Entry): ScorerColumn[] {
  if (trace === undefined || !isScored || decision?.kind !== "picked") return [];
  const asked = trace.plan.stepsOf(telling).map(({ name, weight }, at) => ({ name, weight, at }));
  return [...asked, ...trace.plan.silencedIn(telling).map(({ name }) => ({ name, weight: 0, at: -1 }))];
}

function candidatesOf(ring: DecisionRing, entry: Entry, scorers: readonly ScorerColumn[]): ExplainedCandidate[] {
  const { size, reads, decision } = entry;
  const number = (part: number, row: number) => ring.numberAt(entry, part * size + row);
  const rows = Array.from({ length: size }, (_, row) => row);
  const totals = rows.map((row) => number(1, row));
  // Where no scorer was asked, less in flight is better.
  const ranks = entry.isScored ? totals : rows.map((row) => -number(HEAD_PARTS + reads.indexOf("inFlight"), row));
  const places = placesOf(ranks);
  return rows.map((row) => {
    const slot = number(0, row);
    const state = number(STATE_PART, row);
    const { name: pod = "", address = "" } = ring.podAt(slot, entry) ?? {};
    const ageMs = known(entry.clockMs - number(2, row));
    return {
      pod,
      address,
      total: totals[row] ?? 0,
      isPicked: decision?.kind === "picked" && decision.pod.slot === slot,
      reachable: (state & SILENT_BIT) === 0,
      setAside: (state & ASIDE_BIT) !== 0,
      newcomer: (state & NEWCOMER_BIT) !== 0,
      place: places.get(ranks[row] ?? 0) ?? 1,
      scores: scorers.map(({ at }) => (at === -1 ? null : known(number(HEAD_PARTS + reads.length + at, row)))),
      signals: Object.fromEntries(reads.map((column, i) => [column, known(number(HEAD_PARTS + i, row))])),
      ageMs: ageMs === null ? null : Math.round(ageMs),
    };
  });
}

/** By rank, the highest first; equals share a place. */
function placesOf(ranks: readonly number[]): Map<number, number> {
  const places = new Map<number, number>();
  for (const [at, rank] of Float64Array.from(ranks).sort().reverse().entries()) {
    if (!places.has(rank)) places.set(rank, at + 1);
  }
  return places;
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** Scorers and their weights, compiled once: runs each over the candidates, clamps, weighs and sums. */
import type { ColumnName } from "../pods/columns.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { Score, Scorer } from "../scorer.ts";
import type { CandidateRows } from "./candidates.ts";
import { type OptionValues, withDefaults } from "./option-values.ts";

/** One configured scorer: which, how much it counts, and the options the user set. */
export interface ScorerUse {
  readonly scorer: Scorer;
  readonly weight: number;
  readonly options?: OptionValues;
}

/** Told of a scorer that broke its contract; the request goes on without it. */
export interface ScorerFaults {
  threw(scorer: string, error: unknown): void;
  outOfRange(scorer: string): void;
}

/** By scorer: what it counts, and what it gives each row. */
export type ScoreSheet = ReadonlyMap<string, { readonly weight: number; readonly scores: readonly number[] }>;

/** For scores that are looked at, not used. */
export const uncounted: ScorerFaults = Object.freeze({ threw: () => {}, outOfRange: () => {} });

type Candidates = { size: number } & Record<ColumnName, Float64Array>;

interface Step {
  readonly name: string;
  readonly weight: number;
  readonly reads: readonly ColumnName[];
  readonly score: Score<ColumnName>;
  /** What the scorer sees: one object for all requests, with the columns it declares and no other. */
  readonly view: Candidates;
}

export class ScoringPlan {
  readonly reads: readonly ColumnName[];
  /** Weighted sums by row after `run`. */
  totals = new Float64Array(0);
  readonly #steps: readonly Step[];
  readonly #faults: ScorerFaults;
  #scores = new Float64Array(0);
  /** The rows whose arrays the views hold; rows replace all of them when they grow. */
  #seen: Int32Array | undefined;

  constructor(uses: readonly ScorerUse[], faults: ScorerFaults) {
    this.reads = [...new Set(uses.flatMap((use) => use.scorer.reads))];
    this.#faults = faults;
    this.#steps = uses.map(({ scorer, weight, options }) => ({
      name: scorer.name,
      weight,
      reads: scorer.reads,
      score: scorer.build(withDefaults(scorer.options, options)),
      view: { size: 0 } as Candidates,
    }));
  }

  /** Fills `totals`. A scorer that throws counts nothing for this request, a score that is no number counts 0. */
  run(rows: CandidateRows, request: InferenceRequest, faults = this.#faults): Float64Array {
    const { size } = rows;
    this.#makeReady(rows);
    const { totals } = this;
    const scores = this.#scores;
    totals.fill(0, 0, size);
    for (const step of this.#steps) {
      if (!this.#score(step, size, request, faults)) continue;
      const { weight } = step;
      for (let row = 0; row < size; row++) totals[row]! += scores[row]! * weight;
    }
    return totals;
  }

  /** What each scorer gives the rows, clamped; 0 of 0 for one that throws. Counts no faults and leaves `totals`. */
  explain(rows: CandidateRows, request: InferenceRequest): ScoreSheet {
    const { size } = rows;
    this.#makeReady(rows);
    const sheet = new Map<string, { weight: number; scores: readonly number[] }>();
    for (const step of this.#steps) {
      const counts = this.#score(step, size, request, uncounted);
      const scores = counts ? [...this.#scores.subarray(0, size)] : new Array<number>(size).fill(0);
      sheet.set(step.name, { weight: counts ? step.weight : 0, scores });
    }
    return sheet;
  }

  /** Leaves the clamped scores in the scratch; false where the scorer threw. */
  #score({ name, view, score }: Step, size: number, request: InferenceRequest, faults: ScorerFaults): boolean {
    // A row that is not written must not keep what another scorer gave it.
    this.#scores.fill(Number.NaN, 0, size);
    view.size = size;
    try {
      score(view, this.#scores, request);
    } catch (error) {
      faults.threw(name, error);
      return false;
    }
    if (clampAll(this.#scores, size)) faults.outOfRange(name);
    return true;
  }

  #makeReady({ slots, columns }: CandidateRows): void {
    if (this.#seen === slots) return;
    this.#seen = slots;
    this.totals = new Float64Array(slots.length);
    this.#scores = new Float64Array(slots.length);
    for (const { view, reads } of this.#steps) for (const name of reads) view[name] = columns[name];
  }
}

/** Was any score outside 0..1, or no number? */
function clampAll(scores: Float64Array, size: number): boolean {
  let outOfRange = false;
  for (let row = 0; row < size; row++) {
    const score = scores[row]!;
    if (score >= 0 && score <= 1) continue;
    outOfRange = true;
    scores[row] = score > 1 ? 1 : 0;
  }
  return outOfRange;
}

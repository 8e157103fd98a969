/** Scorers and their weights, compiled once: runs each over the candidates, clamps, weighs and sums. */
import type { ColumnName } from "../pods/columns.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { OptionSpecs, Score, Scorer } from "../scorer.ts";
import type { CandidateRows } from "./candidates.ts";

/** One configured scorer: which, how much it counts, and the options the user set. */
export interface ScorerUse {
  readonly scorer: Scorer<ColumnName, OptionSpecs>;
  readonly weight: number;
  readonly options?: Readonly<Record<string, number>>;
}

/** Told of a scorer that broke its contract; the request goes on without it. */
export interface ScorerFaults {
  threw(scorer: string, error: unknown): void;
  outOfRange(scorer: string): void;
}

interface Step {
  readonly name: string;
  readonly weight: number;
  readonly score: Score<ColumnName>;
}

export class ScoringPlan {
  readonly reads: readonly ColumnName[];
  /** Weighted sums by row after `run`. */
  totals = new Float64Array(0);
  readonly #steps: readonly Step[];
  readonly #faults: ScorerFaults;
  #scores = new Float64Array(0);

  constructor(uses: readonly ScorerUse[], faults: ScorerFaults) {
    this.reads = [...new Set(uses.flatMap((use) => use.scorer.reads))];
    this.#faults = faults;
    this.#steps = uses.map(({ scorer, weight, options }) => ({
      name: scorer.name,
      weight,
      score: scorer.build({ ...defaultsOf(scorer.options), ...options }),
    }));
  }

  /** Fills `totals`; a scorer that throws or writes no number loses its weight for this request. */
  run(rows: CandidateRows, request: InferenceRequest): Float64Array {
    if (this.totals.length < rows.size) this.#makeRoom(rows.slots.length);
    this.totals.fill(0, 0, rows.size);
    const candidates = Object.assign(this.#view, rows.columns, { size: rows.size });
    for (const step of this.#steps) {
      try {
        step.score(candidates, this.#scores, request);
        this.#add(step, rows.size);
      } catch (error) {
        this.#faults.threw(step.name, error);
      }
    }
    return this.totals;
  }

  /** What scorers see; one object, refreshed for each request. */
  readonly #view = { size: 0 } as { size: number } & Record<ColumnName, Float64Array>;

  #add(step: Step, size: number): void {
    let outOfRange = false;
    for (let row = 0; row < size; row++) {
      const score = this.#scores[row]!;
      const clamped = score >= 0 ? Math.min(score, 1) : 0;
      if (clamped !== score) outOfRange = true;
      this.totals[row]! += clamped * step.weight;
    }
    if (outOfRange) this.#faults.outOfRange(step.name);
  }

  #makeRoom(capacity: number): void {
    this.totals = new Float64Array(capacity);
    this.#scores = new Float64Array(capacity);
  }
}

function defaultsOf(specs: OptionSpecs): Record<string, number> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.default]));
}

/** Scorers and their weights, compiled once: runs each over the candidates, clamps, weighs and sums. */
import type { ColumnName } from "../pods/columns.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { CandidateRows } from "./candidates.ts";
import { type ScorerUse, type Step, scoreRows, showArrays, standInFor, stepOf } from "./scorer-step.ts";

export type { ScorerUse };

/** Told of a scorer that broke its contract; the request goes on without it. */
export interface ScorerFaults {
  threw(scorer: string, error: unknown): void;
  outOfRange(scorer: string): void;
}

/** By scorer: what it counts, and what it gives each row. */
export type ScoreSheet = ReadonlyMap<string, { readonly weight: number; readonly scores: readonly number[] }>;

/** For scores that are looked at, not used. */
export const uncounted: ScorerFaults = Object.freeze({ threw: () => {}, outOfRange: () => {} });

/** What pods tell of themselves: something of it is known of a candidate, or nothing of any. */
export type Telling = "told" | "untold";

export class ScoringPlan {
  readonly reads: readonly ColumnName[];
  /** Weighted sums by row after `run`. */
  totals = new Float64Array(0);
  /** Is there a scorer with a say that can do without what pods tell? */
  readonly saysUntold: boolean;
  readonly #steps: Readonly<Record<Telling, readonly Step[]>>;
  /** Those that have no say where nothing is told: what they gave would be the same for everybody. */
  readonly #silenced: readonly Step[];
  readonly #faults: ScorerFaults;
  /** The rows whose arrays the views hold; rows replace all of them when they grow. */
  #seen: Int32Array | undefined;

  constructor(uses: readonly ScorerUse[], faults: ScorerFaults) {
    this.reads = [...new Set(uses.flatMap((use) => use.scorer.reads))];
    this.#faults = faults;
    const steps = uses.map(stepOf);
    const others = steps.filter(({ readsTold }) => !readsTold);
    this.#silenced = steps.filter(({ readsTold }) => readsTold);
    this.saysUntold = others.some(({ weight }) => weight > 0);
    this.#steps = { told: steps, untold: [...others, standInFor(this.#silenced)] };
  }

  /**
   * Fills `totals`. A scorer that throws counts nothing for this request, a score that is no number counts 0. Untold,
   * requests in flight count as much as the scorers together whose say they take, so that those that are left, which
   * pull together what is alike, do not pull everything to one pod.
   */
  run(rows: CandidateRows, request: InferenceRequest, faults = this.#faults, telling: Telling = "told"): Float64Array {
    const { size } = rows;
    this.#makeReady(rows);
    const { totals } = this;
    totals.fill(0, 0, size);
    for (const step of this.#steps[telling]) {
      if (!this.#score(step, rows, request, faults)) continue;
      const { weight, scores } = step;
      for (let row = 0; row < size; row++) totals[row]! += scores[row]! * weight;
    }
    return totals;
  }

  /** What each scorer gives the rows, clamped; 0 of 0 for one that has no say. Counts no faults and leaves `totals`. */
  explain(rows: CandidateRows, request: InferenceRequest, telling: Telling): ScoreSheet {
    const { size } = rows;
    this.#makeReady(rows);
    const sheet = new Map<string, { weight: number; scores: readonly number[] }>();
    const nothing = { weight: 0, scores: new Array<number>(size).fill(0) };
    for (const step of this.#steps[telling]) {
      const counts = this.#score(step, rows, request, uncounted);
      sheet.set(step.name, counts ? { weight: step.weight, scores: [...step.scores.subarray(0, size)] } : nothing);
    }
    if (telling === "untold") for (const { name } of this.#silenced) sheet.set(name, nothing);
    return sheet;
  }

  /** Those that had a say in the last `run`, with what they gave its rows: scratch until the next one. */
  stepsOf(telling: Telling): readonly Step[] {
    return this.#steps[telling];
  }

  /** Those that had none because nothing was told. */
  silencedIn(telling: Telling): readonly Step[] {
    return telling === "untold" ? this.#silenced : [];
  }

  /** Leaves the clamped scores with the step; false where the scorer threw. */
  #score(step: Step, rows: CandidateRows, request: InferenceRequest, faults: ScorerFaults): boolean {
    const { size } = rows;
    // A row that is not written must not keep what another scorer gave it.
    step.scores.fill(Number.NaN, 0, size);
    step.counts = true;
    try {
      scoreRows(step, rows, request);
    } catch (error) {
      faults.threw(step.name, error);
      step.counts = false;
      // An async one may go on and write to the old ones later.
      if (step.isForeign) step.scores = new Float64Array(rows.slots.length);
      return false;
    }
    if (clampAll(step.scores, size)) faults.outOfRange(step.name);
    return true;
  }

  #makeReady(rows: CandidateRows): void {
    const { slots } = rows;
    if (this.#seen === slots) return;
    this.#seen = slots;
    this.totals = new Float64Array(slots.length);
    for (const step of [...this.#steps.untold, ...this.#silenced]) showArrays(step, rows);
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

/** One scorer of a plan: what it sees of the candidates, and the care taken with one that is not ours. */
import { type ColumnName, columnNames, columns, type PodColumn } from "../pods/columns.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { Score, Scorer } from "../scorer.ts";
import type { CandidateRows } from "./candidates.ts";
import { type OptionValues, withDefaults } from "./option-values.ts";

/** Sums of weights stay far from infinity, where pods could not be told apart. */
export const MOST_SCORER_WEIGHT = 1_000_000;

/** One configured scorer: which, how much it counts, and the options the user set. */
export interface ScorerUse {
  readonly scorer: Scorer;
  readonly weight: number;
  readonly options?: OptionValues;
  /** Does it come from a file of the user's? Default: no. */
  readonly isForeign?: boolean;
}

type View = { size: number } & Record<ColumnName, Float64Array>;

export interface Step {
  readonly name: string;
  readonly weight: number;
  readonly reads: readonly ColumnName[];
  readonly score: Score<ColumnName>;
  readonly isForeign: boolean;
  /** Does it go by what pods tell of themselves? */
  readonly readsTold: boolean;
  /** What the scorer sees: one object for all requests, with the columns it declares and no other. */
  readonly view: View;
  /** What it gave the rows of the request at hand, clamped; scratch until the next one. */
  scores: Float64Array;
  /** False where it threw, and so counts nothing. */
  counts: boolean;
}

/** Is it what pods tell of themselves, on the pages that are scraped? */
export function isTold(name: ColumnName): name is PodColumn {
  return columns[name].writer === "scrape/scraper";
}

export function stepOf({ scorer, weight, options, isForeign = false }: ScorerUse): Step {
  const { name, reads } = scorer;
  return {
    name,
    weight,
    reads,
    score: scorer.build(withDefaults(scorer.options, options)),
    isForeign,
    readsTold: reads.some(isTold),
    view: isForeign ? guardedView(reads) : ({ size: 0 } as View),
    scores: new Float64Array(0),
    counts: true,
  };
}

/** What stands in for the scorers that go by what pods tell, where no pod tells anything. */
export function standInFor(steps: readonly Step[]): Step {
  return {
    name: "unknown-load",
    weight: steps.reduce((sum, { weight }) => sum + weight, 0),
    reads: ["inFlight"],
    score: scoreIdleness,
    isForeign: false,
    readsTold: false,
    view: { size: 0 } as View,
    scores: new Float64Array(0),
    counts: true,
  };
}

/** To be called when the rows have got new arrays. */
export function showArrays(step: Step, { columns: gathered, slots }: CandidateRows): void {
  const { view, reads, isForeign } = step;
  step.scores = new Float64Array(slots.length);
  for (const name of reads) view[name] = isForeign ? new Float64Array(slots.length) : gathered[name];
}

/** Scores the rows; throws what the scorer throws, and where it breaks its contract in a way that can be told. */
export function scoreRows(step: Step, rows: CandidateRows, request: InferenceRequest): void {
  const { view, score, scores, isForeign } = step;
  view.size = rows.size;
  if (isForeign) copyColumns(step, rows);
  const given: unknown = score(view, scores, request);
  if (given !== undefined && isThenable(given)) {
    // Its end is nobody's any more; without this it would come back as a rejection that nobody handles.
    given.then(undefined, () => {});
    throw new TypeError("it gave a promise: scores have to be written at once");
  }
}

/** Copies: what a scorer writes to its columns must not reach the scorers behind it. Ours are known not to. */
function copyColumns({ view, reads }: Step, { columns: gathered, size }: CandidateRows): void {
  for (const name of reads) {
    const from = gathered[name];
    const to = view[name];
    for (let row = 0; row < size; row++) to[row] = from[row] ?? Number.NaN;
  }
}

/** A column that is not declared says so when it is read, where `undefined` would leave one guessing. */
function guardedView(reads: readonly ColumnName[]): View {
  const view = { size: 0 } as View;
  for (const name of columnNames) {
    if (reads.includes(name)) continue;
    Object.defineProperty(view, name, {
      get: () => {
        throw new TypeError(`it reads the column ${name}, which is not in its list \`reads\``);
      },
    });
  }
  return view;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** As the scorer in-flight does by default: 1 for an idle pod, else (max - picks) / max. */
function scoreIdleness({ inFlight, size }: View, scores: Float64Array): void {
  let max = 0;
  for (let row = 0; row < size; row++) max = Math.max(max, inFlight[row] ?? 0);
  for (let row = 0; row < size; row++) scores[row] = max > 0 ? 1 - (inFlight[row] ?? 0) / max : 1;
}

/** The pods that a decision names behind the picked one: the next best by score, each once. */
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { CandidateRows } from "./candidates.ts";
import { pickNextBest } from "./pick.ts";

export class NextBest {
  readonly #table: PodTable;
  readonly #random: () => number;
  /** The rows that are named, the picked one first. */
  readonly #named: Int32Array;
  /** Less requests in flight is better: the order of the pods where no scorer is asked. */
  #idleness = new Float64Array(0);

  /** `endpoints` is how many pods a decision names in all. */
  constructor(table: PodTable, endpoints: number, random: () => number) {
    this.#table = table;
    this.#named = new Int32Array(endpoints);
    this.#random = random;
  }

  /** `scores` are absent where no scorer was asked. */
  behind(picked: number, rows: CandidateRows, scores: Float64Array = this.#idle(rows)): readonly Pod[] {
    const named = this.#named;
    const pods: Pod[] = [];
    named[0] = picked;
    for (let count = 1; count < named.length; count++) {
      const row = pickNextBest(scores, rows.size, named, count, this.#random);
      const pod = row === -1 ? undefined : this.#table.podAt(rows.slotAt(row));
      if (pod === undefined) break;
      named[count] = row;
      pods.push(pod);
    }
    return pods;
  }

  #idle({ size, columns: { inFlight } }: CandidateRows): Float64Array {
    if (this.#idleness.length < size) this.#idleness = new Float64Array(inFlight.length);
    for (let row = 0; row < size; row++) this.#idleness[row] = -(inFlight[row] ?? 0);
    return this.#idleness;
  }
}

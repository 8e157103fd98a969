/** Who fills the columns that are made anew for each request, and learns from its pick. */
import type { RequestColumn } from "../pods/columns.ts";
import type { Slot } from "../pods/pod-table.ts";
import type { Lesson, Pin } from "../prefix/prefix-index.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { CandidateColumns } from "./candidates.ts";
import type { RouteHints } from "./choose-pool.ts";

/** Owner of a request column: fills it for one request, and learns from the pick made for that request. */
export interface RequestColumnOwner {
  /** The request's headers it reads, by lower-case name. */
  readonly headers?: readonly string[];
  /** The header of answers that it wants to name the pod, to read that in later requests; "" for none. */
  readonly tokenHeader?: string;
  /**
   * Writes the value of the pod in slots[row] to out[row], rows 0..size-1. `filled` has the columns that are ready: those
   * of the pods, and of the request those that stand before this one in the catalogue, where a scorer reads them.
   */
  fill(
    request: InferenceRequest,
    slots: Int32Array,
    size: number,
    out: Float64Array,
    filled: Readonly<CandidateColumns>,
    hints: RouteHints,
  ): void;
  /**
   * The request last filled goes to this pod. Called in the same tick, after the answer is out. What is returned must be
   * told of the request's end; undefined where nothing must.
   */
  learn(slot: Slot, generation: number): Pin | undefined;
  /** In place of `learn`, in the same tick, where the pod is told later; absent where nothing is learnt. */
  keep?(): Lesson | undefined;
}

/** One for every request column that a plan reads. */
export type RequestColumnOwners = Readonly<Partial<Record<RequestColumn, RequestColumnOwner>>>;

export function ownerOf(name: RequestColumn, owners: RequestColumnOwners): RequestColumnOwner {
  const owner = owners[name];
  if (owner === undefined) throw new Error(`a scorer reads the column ${name}, which nobody fills`);
  return owner;
}

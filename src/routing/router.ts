/** From a request to a Decision: candidates, scores, pick. Pure: no clock, no log, no I/O, no await. */
import type { RequestColumn } from "../pods/columns.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { CandidateRows } from "./candidates.ts";
import type { Decision, PickReason } from "./decision.ts";
import { pickBest, pickLeast } from "./pick.ts";
import type { ScoringPlan } from "./scoring-plan.ts";

/** Owner of a request column: fills it for one request, and learns from the pick made for that request. */
export interface RequestColumnOwner {
  /** Writes the value of the pod in slots[row] to out[row], rows 0..size-1. */
  fill(request: InferenceRequest, slots: Int32Array, size: number, out: Float64Array): void;
  /** The request last filled goes to this pod. Called in the same tick, after the answer is out. */
  learn(slot: Slot, generation: number): void;
}

export interface RouterParts {
  readonly table: PodTable;
  readonly plan: ScoringPlan;
  readonly owners: Readonly<Record<RequestColumn, RequestColumnOwner>>;
  readonly random: () => number;
}

export class Router {
  readonly #table: PodTable;
  readonly #plan: ScoringPlan;
  readonly #rows: CandidateRows;
  readonly #owned: readonly (readonly [RequestColumn, RequestColumnOwner])[];
  readonly #random: () => number;
  /** Gathers only what the pick by load needs, so that a fault in the other rows cannot touch it. */
  readonly #loadRows: CandidateRows;

  constructor(parts: RouterParts) {
    this.#table = parts.table;
    this.#plan = parts.plan;
    this.#random = parts.random;
    this.#rows = new CandidateRows(parts.table, parts.plan.reads);
    this.#loadRows = new CandidateRows(parts.table, ["inFlight"]);
    this.#owned = (Object.entries(parts.owners) as [RequestColumn, RequestColumnOwner][]).filter(([name]) =>
      parts.plan.reads.includes(name),
    );
  }

  route(request: InferenceRequest, reason: PickReason): Decision {
    const rows = this.#rows;
    if (rows.gather() === 0) return { kind: "refused", code: "no_pods" };
    for (const [name, owner] of this.#owned) owner.fill(request, rows.slots, rows.size, rows.columns[name]);
    const totals = this.#plan.run(rows, request);
    const row = pickBest(totals, rows.size, this.#random);
    return this.#picked(rows, row, { reason, score: totals[row] ?? 0, model: request.model });
  }

  /** The pick that needs nothing but our own counts: for overload and for faults of our own. */
  routeByInFlight(reason: PickReason): Decision {
    const rows = this.#loadRows;
    if (rows.gather() === 0) return { kind: "refused", code: "no_pods" };
    const row = pickLeast(rows.columns.inFlight, rows.size, this.#random);
    return this.#picked(rows, row, { reason, score: 0, model: "" });
  }

  /** Lets the owners of request columns remember the pick; call it once the answer is out, before the next `route`. */
  learn(decision: Decision): void {
    if (decision.kind !== "picked") return;
    for (const [, owner] of this.#owned) owner.learn(decision.pod.slot, decision.pod.generation);
  }

  #picked(rows: CandidateRows, row: number, why: { reason: PickReason; score: number; model: string }): Decision {
    const pod = this.#table.podAt(rows.slotAt(row));
    return pod === undefined ? { kind: "refused", code: "no_pods" } : { kind: "picked", pod, ...why };
  }
}

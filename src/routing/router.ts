/** From a request to a Decision: pool, candidates, scores, pick. Pure: no clock, no log, no I/O, no await. */
import { columns, type PodColumn, type RequestColumn } from "../pods/columns.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { Pools } from "../pods/pools.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { CandidateRows } from "./candidates.ts";
import { type Choice, choosePods, type RouteHints } from "./choose-pool.ts";
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
  readonly pools: Pools;
  readonly plan: ScoringPlan;
  readonly owners: Readonly<Record<RequestColumn, RequestColumnOwner>>;
  readonly random: () => number;
}

export class Router {
  readonly #table: PodTable;
  readonly #pools: Pools;
  readonly #plan: ScoringPlan;
  readonly #rows: CandidateRows;
  readonly #owned: readonly (readonly [RequestColumn, RequestColumnOwner])[];
  readonly #random: () => number;
  /** Gathers only what the pick by load needs, so that a fault in the other rows cannot touch it. */
  readonly #loadRows: CandidateRows;
  /** The columns that pods tell of themselves, as far as a scorer reads them. */
  readonly #told: readonly PodColumn[];

  constructor(parts: RouterParts) {
    const { reads } = parts.plan;
    this.#table = parts.table;
    this.#pools = parts.pools;
    this.#plan = parts.plan;
    this.#random = parts.random;
    this.#rows = new CandidateRows(parts.table, [...new Set([...reads, "inFlight" as const])], parts.random);
    this.#loadRows = new CandidateRows(parts.table, ["inFlight"], parts.random);
    this.#told = reads.filter((name): name is PodColumn => columns[name].owner === "pod" && name !== "inFlight");
    this.#owned = (Object.entries(parts.owners) as [RequestColumn, RequestColumnOwner][]).filter(([name]) =>
      reads.includes(name),
    );
  }

  route(request: InferenceRequest, reason: PickReason, hints: RouteHints): Decision {
    const choice = choosePods(this.#pools, this.#table, hints, request.model);
    if (choice.kind === "refused") return choice;
    const rows = this.#rows;
    rows.gather(choice.among);
    for (const [name, owner] of this.#owned) owner.fill(request, rows.slots, rows.size, rows.columns[name]);
    if (this.#knowsNothing()) return this.#pickedByLoad(rows, choice, "unknown_load", request.model);
    const totals = this.#plan.run(rows, request);
    const row = pickBest(totals, rows.size, this.#random);
    return this.#picked(rows, row, choice, { reason, score: totals[row] ?? 0, model: request.model });
  }

  /** The pick that needs nothing but our own counts: for overload and for faults of our own. */
  routeByInFlight(reason: PickReason, hints: RouteHints): Decision {
    const choice = choosePods(this.#pools, this.#table, hints, "");
    // Which pool it is would stand in the body, which is not to be read now.
    if (choice.kind === "refused") return choice.code === "pool_unknown" && hints.pool === "" ? overloaded : choice;
    this.#loadRows.gather(choice.among);
    return this.#pickedByLoad(this.#loadRows, choice, reason, "");
  }

  /** Lets the owners of request columns remember the pick; call it once the answer is out, before the next `route`. */
  learn(decision: Decision): void {
    if (decision.kind !== "picked") return;
    for (const [, owner] of this.#owned) owner.learn(decision.pod.slot, decision.pod.generation);
  }

  /** Scores made of nothing but unknowns would send everything one way. */
  #knowsNothing(): boolean {
    const { size, columns: gathered } = this.#rows;
    for (const name of this.#told) {
      const column = gathered[name];
      for (let row = 0; row < size; row++) if (!Number.isNaN(column[row])) return false;
    }
    return this.#told.length > 0;
  }

  #pickedByLoad(rows: CandidateRows, choice: Choice, reason: PickReason, model: string): Decision {
    const row = pickLeast(rows.columns.inFlight, rows.size, this.#random);
    return this.#picked(rows, row, choice, { reason, score: 0, model });
  }

  #picked(
    rows: CandidateRows,
    row: number,
    { pool }: Choice,
    why: { reason: PickReason; score: number; model: string },
  ): Decision {
    const pod = this.#table.podAt(rows.slotAt(row));
    return pod === undefined ? { kind: "refused", code: "no_pods" } : { kind: "picked", pod, pool, ...why };
  }
}

const overloaded: Decision = Object.freeze({ kind: "refused", code: "overloaded" });

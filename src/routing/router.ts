/** From a request to a Decision: which pool, and by the lane of its profile which pod. Pure: no clock, log, I/O, await. */
import type { PodTable } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";
import type { Pools } from "../pods/pools.ts";
import type { Pin } from "../prefix/prefix-index.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { choosePods, type RouteHints } from "./choose-pool.ts";
import type { Decision, PickReason } from "./decision.ts";
import type { Lane } from "./lane.ts";
import { type ScorerFaults, type ScoreSheet, uncounted } from "./scoring-plan.ts";
import { drawSeed } from "./seeded-random.ts";

export interface RouterParts {
  readonly table: PodTable;
  readonly pools: Pools;
  /** By the name of the profile; one for each that a pool names. */
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly random: () => number;
}

/** One decision taken apart: what every scorer gave every candidate. */
export interface Explanation {
  readonly decision: Decision;
  readonly candidates: readonly {
    readonly pod: string;
    readonly address: string;
    readonly total: number;
    /** Before the weight, by scorer. */
    readonly scores: Readonly<Record<string, number>>;
  }[];
}

export class Router {
  readonly #parts: RouterParts;
  /** The request's headers that some lane reads, by lower-case name. */
  readonly headers: readonly string[];
  /** The lane whose owners hold a request that was routed and is not learnt yet. */
  #learning: Lane | undefined;

  constructor(parts: RouterParts) {
    this.#parts = parts;
    this.headers = [...new Set([...parts.lanes.values()].flatMap((lane) => lane.headers))];
  }

  route(request: InferenceRequest, reason: PickReason, hints: RouteHints): Decision {
    const decision = this.#decide(request, reason, hints, drawSeed(this.#parts.random));
    if (decision.kind === "picked") this.#learning = this.#laneOf(decision.pool);
    return decision;
  }

  /** The same request, the same state and the same seed give the same decision; nothing is changed but scratch. */
  decide(request: InferenceRequest, reason: PickReason, hints: RouteHints, seed: number): Decision {
    return this.#decide(request, reason, hints, seed, uncounted);
  }

  #decide(
    request: InferenceRequest,
    reason: PickReason,
    hints: RouteHints,
    seed: number,
    faults?: ScorerFaults,
  ): Decision {
    this.#learning = undefined;
    const { pools, table } = this.#parts;
    const choice = choosePods(pools, table, hints, request.model);
    if (choice.kind === "refused") return choice;
    return this.#laneOf(choice.pool).decide({ request, reason, hints, choice, seed }, faults);
  }

  /** Decides anew with that seed and says what every scorer gave; learns and counts nothing. */
  explain(request: InferenceRequest, reason: PickReason, hints: RouteHints, seed: number): Explanation {
    const decision = this.decide(request, reason, hints, seed);
    if (decision.kind === "refused") return { decision, candidates: [] };
    const { slots, sheet } = this.#laneOf(decision.pool).explain(request);
    const candidates = slots.map((slot, row) => {
      const { name = "", address = "" } = this.#parts.table.podAt(slot) ?? {};
      return { pod: name, address, ...scoresOf(sheet, row) };
    });
    return { decision, candidates };
  }

  /** The pick that needs nothing but our own counts: for overload and for faults of our own. */
  routeByInFlight(reason: PickReason, hints: RouteHints): Decision {
    this.#learning = undefined;
    const { table, pools, random } = this.#parts;
    const choice = choosePods(pools, table, hints, "");
    // Which pool it is would stand in the body, which is not to be read now.
    if (choice.kind === "refused") return choice.code === "pool_unknown" && hints.pool === "" ? overloaded : choice;
    return this.#laneOf(choice.pool).decideByLoad({ reason, hints, choice, seed: drawSeed(random) });
  }

  /**
   * Lets the owners of request columns remember the pick; call it once the answer is out, before the next `route`.
   * Returns what holds the request's blocks in the prefix index, for the caller to end with the request.
   */
  learn(decision: Decision): Pin | undefined {
    const lane = this.#learning;
    this.#learning = undefined;
    return decision.kind === "picked" ? lane?.learn(decision.pod.slot, decision.pod.generation) : undefined;
  }

  /** The header of this pool's answers that is to name the pod; "" for none. */
  tokenHeaderOf(pool: Pool): string {
    return this.#laneOf(pool).tokenHeader;
  }

  #laneOf({ settings }: Pool): Lane {
    const lane = this.#parts.lanes.get(settings.profile);
    if (lane === undefined) throw new Error(`there is no profile ${settings.profile}`);
    return lane;
  }
}

const overloaded: Decision = Object.freeze({ kind: "refused", code: "overloaded" });

function scoresOf(sheet: ScoreSheet, row: number): { total: number; scores: Record<string, number> } {
  const scores: Record<string, number> = {};
  let total = 0;
  for (const [name, { weight, scores: given }] of sheet) {
    const score = given[row] ?? 0;
    scores[name] = score;
    total += score * weight;
  }
  return { total, scores };
}

/** From a request to a Decision: which pool, and by the lane of its profile which pod. Pure: no clock, log, I/O, await. */
import type { PodTable } from "../pods/pod-table.ts";
import type { Pool, SlotList } from "../pods/pool.ts";
import type { Pools } from "../pods/pools.ts";
import type { Lesson, Pin } from "../prefix/prefix-index.ts";
import { bodylessRequest, type InferenceRequest } from "../request/inference-request.ts";
import { type Choice, choosePods, type Refusal, type RouteHints } from "./choose-pool.ts";
import type { Decision, Picked, PickReason } from "./decision.ts";
import type { CandidateScore, Lane, Question } from "./lane.ts";
import { type ScorerFaults, type ScoreSheet, uncounted } from "./scoring-plan.ts";
import { drawSeed } from "./seeded-random.ts";
import type { Strategies } from "./strategies/strategies.ts";

export interface RouterParts {
  readonly table: PodTable;
  readonly pools: Pools;
  /** By the name of the profile; one for each that a pool names. */
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly random: () => number;
  /** Where requests may name how they are routed. */
  readonly strategies?: Strategies | undefined;
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

/** How a decision came about. */
export interface Trail {
  /** The lane that was asked; undefined where none was. */
  lane: Lane | undefined;
  /** The pool it was for; undefined where that is not known. */
  pool: Pool | undefined;
  /** The pods of the pool that may serve such a request; undefined where that was refused. */
  among: SlotList | undefined;
  /** As routing saw it: by the name its model goes by at the pods. Undefined once it is forgotten. */
  request: InferenceRequest | undefined;
}

export class Router {
  readonly #parts: RouterParts;
  /** The request's headers that some lane reads, by lower-case name. */
  readonly headers: readonly string[];
  /** The lane whose owners hold a request that was routed and is not learnt yet. */
  #learning: Lane | undefined;
  /** The lane of the last decision; undefined where none was asked. */
  #decided: Lane | undefined;
  /** How the last decision came about: scratch, valid until the next one. */
  readonly trail: Trail = { lane: undefined, pool: undefined, among: undefined, request: undefined };
  /** What the lot of the next `route` will be drawn with: drawn ahead, so that it can be told. */
  #nextSeed: number;

  constructor(parts: RouterParts) {
    this.#parts = parts;
    this.#nextSeed = drawSeed(parts.random);
    const ofLanes = [...parts.lanes.values()].flatMap((lane) => lane.headers);
    this.headers = [...new Set([...ofLanes, ...(parts.strategies?.headers ?? [])])];
  }

  route(request: InferenceRequest, reason: PickReason, hints: RouteHints): Decision {
    const decision = this.#decide(request, reason, hints, this.#drawSeed());
    if (decision.kind === "picked") this.#learning = this.#decided;
    return decision;
  }

  /** What the lot of the next request will be drawn with. */
  get nextSeed(): number {
    return this.#nextSeed;
  }

  #drawSeed(): number {
    const seed = this.#nextSeed;
    this.#nextSeed = drawSeed(this.#parts.random);
    return seed;
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
    this.#learning = this.#decided = undefined;
    const { pools, table, strategies } = this.#parts;
    const choice = choosePods(pools, table, hints, request.model);
    this.#leaveTrail(choice, request);
    if (choice.kind === "refused") return choice;
    const strategy = strategies?.named(hints) ?? "";
    const question = { request, reason, hints, choice, seed };
    if (strategies !== undefined && strategy !== "") {
      return this.#decideBy(strategies, strategy, question, (lane, narrowed) => lane.decide(narrowed, faults));
    }
    this.#decided = this.trail.lane = this.#laneOf(choice.pool);
    return this.#decided.decide(question, faults);
  }

  /** By the strategy that the request names. */
  #decideBy<Q extends Omit<Question, "request">>(
    strategies: Strategies,
    strategy: string,
    question: Q,
    ask: (lane: Lane, narrowed: Q) => Decision,
  ): Decision {
    const { choice, hints } = question;
    const lane = strategies.laneOf(strategy, choice.pool.settings.profile);
    if (lane === undefined) return strategies.refusal(strategy);
    const narrowed = strategies.narrow(choice, strategy, hints);
    if (narrowed.kind === "refused") return narrowed;
    this.#decided = this.trail.lane = lane;
    return { ...ask(lane, { ...question, choice: narrowed }), strategy };
  }

  /** Decides anew with that seed and says what every scorer gave; learns and counts nothing. */
  explain(request: InferenceRequest, reason: PickReason, hints: RouteHints, seed: number): Explanation {
    const decision = this.decide(request, reason, hints, seed);
    if (decision.kind === "refused") return { decision, candidates: [] };
    const { slots, sheet } = (this.#decided ?? this.#laneOf(decision.pool)).explain(request);
    const candidates = slots.map((slot, row) => {
      const { name = "", address = "" } = this.#parts.table.podAt(slot) ?? {};
      return { pod: name, address, ...scoresOf(sheet, row) };
    });
    return { decision, candidates };
  }

  /** The pick that needs nothing but our own counts: for overload and for faults of our own. */
  routeByInFlight(reason: PickReason, hints: RouteHints): Decision {
    return this.decideByInFlight(reason, hints, this.#drawSeed());
  }

  decideByInFlight(reason: PickReason, hints: RouteHints, seed: number): Decision {
    this.#learning = this.#decided = undefined;
    const { table, pools, strategies } = this.#parts;
    const choice = choosePods(pools, table, hints, "");
    this.#leaveTrail(choice, bodylessRequest);
    // Which pool it is would stand in the body, which is not to be read now.
    if (choice.kind === "refused") return choice.code === "pool_unknown" && hints.pool === "" ? overloaded : choice;
    const question = { reason, hints, choice, seed };
    const strategy = strategies?.named(hints) ?? "";
    if (strategies !== undefined && strategy !== "") {
      return this.#decideBy(strategies, strategy, question, (lane, narrowed) => lane.decideByLoad(narrowed));
    }
    this.trail.lane = this.#laneOf(choice.pool);
    return this.trail.lane.decideByLoad(question);
  }

  #leaveTrail(choice: Choice | Refusal, request: InferenceRequest): void {
    const { trail } = this;
    trail.lane = undefined;
    trail.pool = choice.pool;
    trail.among = choice.kind === "chosen" ? choice.among : undefined;
    trail.request = request;
  }

  /** Lets go of the last decision: its request's body would stay until the next one, and be taken for that one's. */
  forget(): void {
    const { trail } = this;
    trail.lane = undefined;
    trail.pool = undefined;
    trail.among = undefined;
    trail.request = undefined;
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

  /** In place of `learn`, where nobody follows the pick: what is to be learnt once it is known who serves the request. */
  keep(): Lesson | undefined {
    const lane = this.#learning;
    this.#learning = undefined;
    return lane?.keep();
  }

  /** What the candidates of the last decision scored, which is this one; call it in the same tick. */
  scoresOf(picked: Picked): readonly CandidateScore[] {
    return this.#laneBehind(picked)?.scores() ?? [];
  }

  /** The header of the answer that is to name the pod; "" for none. */
  tokenHeaderOf(picked: Picked): string {
    return this.#laneBehind(picked)?.tokenHeader ?? "";
  }

  #laneBehind({ pool, strategy }: Picked): Lane | undefined {
    if (strategy === undefined) return this.#laneOf(pool);
    return this.#parts.strategies?.laneOf(strategy, pool.settings.profile);
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

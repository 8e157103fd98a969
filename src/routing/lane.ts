/** A profile compiled for one process: from the pods that may serve to a Decision. Pure: no clock, no log, no I/O. */
import { type ColumnName, type PodColumn, type RequestColumn, requestColumnNames } from "../pods/columns.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";
import { noSlots, type SlotList } from "../pods/slot-list.ts";
import type { Lesson, Pin } from "../prefix/prefix-index.ts";
import { bodylessRequest, type InferenceRequest } from "../request/inference-request.ts";
import { promptTokensOf } from "../scorer.ts";
import { CandidateRows } from "./candidates.ts";
import type { Choice, RouteHints } from "./choose-pool.ts";
import type { Decision, PickReason } from "./decision.ts";
import type { FilterChain } from "./filter-chain.ts";
import { NextBest } from "./next-best.ts";
import { pickBest, pickLeast } from "./pick.ts";
import type { Pick } from "./pickers.ts";
import { ownerOf, type RequestColumnOwner, type RequestColumnOwners } from "./request-column-owner.ts";
import { isTold } from "./scorer-step.ts";
import type { ScorerFaults, ScoreSheet, ScoringPlan, Telling } from "./scoring-plan.ts";
import { SeededRandom } from "./seeded-random.ts";

export interface LaneParts {
  readonly table: PodTable;
  readonly plan: ScoringPlan;
  readonly owners: RequestColumnOwners;
  /** Default: none. */
  readonly filters?: FilterChain;
  /** Default: the best. */
  readonly pick?: Pick;
  /**
   * Where no candidate tells anything of what is read: do our own counts stand in for the scorers that read it, or do
   * these still have their say? Default: counts.
   */
  readonly whenUntold?: "counts" | "scorers";
  /** How many pods a decision names; default: 1. */
  readonly endpoints?: number;
  /** Columns that nobody here reads and somebody who looks at decisions wants to see; default: none. */
  readonly watched?: readonly PodColumn[];
}

/** What one candidate got: the weighted sum of its scores. */
export interface CandidateScore {
  readonly address: string;
  readonly score: number;
}

/** One request as a lane decides on it. */
export interface Question {
  readonly request: InferenceRequest;
  readonly reason: PickReason;
  readonly hints: RouteHints;
  readonly choice: Choice;
  readonly seed: number;
}

/** How a decision came about: who was a candidate, what was read of them and what they were given. */
export interface LaneTrace {
  readonly plan: ScoringPlan;
  readonly filters: FilterChain | undefined;
  rows: CandidateRows;
  /** The columns that the rows have. */
  reads: readonly ColumnName[];
  /** The pods that the rows were gathered from. */
  among: SlotList;
  /** Did the scorers make the decision? */
  isScored: boolean;
  /** Was anything told that it could go by? */
  telling: Telling;
}

/** Of a pick by our own counts. */
const loadReads: readonly PodColumn[] = ["inFlight"];

export class Lane {
  readonly #parts: LaneParts;
  readonly #pick: Pick;
  readonly #rows: CandidateRows;
  /** Gathers only what the pick by load needs, so that a fault in the other rows cannot touch it. */
  readonly #loadRows: CandidateRows;
  /** Begun anew with each decision's seed. */
  readonly #lot = new SeededRandom();
  readonly #owned: readonly (readonly [RequestColumn, RequestColumnOwner])[];
  /** The columns that pods tell of themselves, as far as a scorer reads them and without them cannot tell. */
  readonly #told: readonly PodColumn[];
  readonly #isHitRead: boolean;
  /** Absent where a decision names one pod. */
  readonly #nextBest: NextBest | undefined;
  /** The columns that are gathered. */
  readonly #reads: readonly ColumnName[];
  /** How the last decision came about: scratch, valid until the next one. */
  readonly trace: LaneTrace;
  /** The request's headers that something here reads. */
  readonly headers: readonly string[];
  /** The header of answers that is to name the pod; "" for none. */
  readonly tokenHeader: string;

  constructor(parts: LaneParts) {
    const { table, plan, filters, owners } = parts;
    const { reads } = plan;
    this.#parts = parts;
    this.#pick = parts.pick ?? pickBest;
    this.#reads = [...new Set([...reads, ...loadReads, ...(parts.watched ?? [])])];
    this.#rows = new CandidateRows(table, this.#reads, this.#lot.next, filters);
    this.#loadRows = new CandidateRows(table, loadReads, this.#lot.next, filters);
    this.trace = {
      ...{ plan, filters, rows: this.#rows, reads: this.#reads, among: noSlots },
      ...{ isScored: false, telling: "told" },
    };
    this.#told = parts.whenUntold === "scorers" ? [] : reads.filter(isTold);
    const { endpoints = 1 } = parts;
    this.#nextBest = endpoints > 1 ? new NextBest(table, endpoints, this.#lot.next) : undefined;
    this.#isHitRead = reads.includes("prefixHit");
    this.#owned = requestColumnNames
      .filter((name) => reads.includes(name))
      .map((name) => [name, ownerOf(name, owners)] as const);
    this.headers = [...(filters?.headers ?? []), ...this.#owned.flatMap(([, owner]) => owner.headers ?? [])];
    this.tokenHeader = this.#owned.map(([, owner]) => owner.tokenHeader ?? "").find((name) => name !== "") ?? "";
  }

  /** One for other candidates, which learns together with this one. It needs a plan of its own: that has the rows' arrays. */
  with({ plan, filters }: { readonly plan: ScoringPlan; readonly filters: FilterChain }): Lane {
    return new Lane({ ...this.#parts, plan, filters });
  }

  decide(question: Question, faults?: ScorerFaults): Decision {
    const { request, hints, choice, seed } = question;
    const { plan, filters } = this.#parts;
    const rows = this.#rows;
    this.#begin(rows, choice, seed);
    filters?.begin(request, hints);
    if (rows.gather(choice.among) === 0) return this.#refused(question);
    for (const [name, owner] of this.#owned) {
      owner.fill(request, rows.slots, rows.size, rows.columns[name], rows.columns, hints);
    }
    if (!this.#knowsNothing()) return this.#pickedByScore(question, faults);
    this.trace.telling = "untold";
    const untold: Question = { ...question, reason: "unknown_load" };
    return plan.saysUntold ? this.#pickedByScore(untold, faults) : this.#pickedByLoad(rows, untold);
  }

  /** By our own counts alone. The filters hold here too: a pod of the wrong kind is no better than none. */
  decideByLoad(question: Omit<Question, "request">): Decision {
    const blind = { ...question, request: bodylessRequest };
    this.#begin(this.#loadRows, question.choice, question.seed);
    this.#parts.filters?.begin(bodylessRequest, question.hints);
    if (this.#loadRows.gather(question.choice.among) === 0) return this.#refused(blind);
    return this.#pickedByLoad(this.#loadRows, blind);
  }

  /** Called after `decide`, with its pick. */
  learn(slot: Slot, generation: number): Pin | undefined {
    let pin: Pin | undefined;
    for (const [, owner] of this.#owned) pin = owner.learn(slot, generation) ?? pin;
    return pin;
  }

  /** The same where the pod is not known yet; undefined where there is nothing to learn. */
  keep(): Lesson | undefined {
    const lessons = this.#owned.map(([, owner]) => owner.keep?.()).filter((lesson) => lesson !== undefined);
    if (lessons.length === 0) return undefined;
    return (slot, generation) => {
      let pin: Pin | undefined;
      for (const lesson of lessons) pin = lesson(slot, generation) ?? pin;
      return pin;
    };
  }

  #begin(rows: CandidateRows, { among }: Choice, seed: number): void {
    const { trace } = this;
    this.#lot.begin(seed);
    trace.rows = rows;
    trace.reads = rows === this.#rows ? this.#reads : loadReads;
    trace.among = among;
    trace.isScored = false;
    trace.telling = "told";
  }

  /** Called after `decide`: who was a candidate, and what every scorer gave each. */
  explain(request: InferenceRequest): { readonly slots: readonly Slot[]; readonly sheet: ScoreSheet } {
    const rows = this.#rows;
    return {
      slots: Array.from({ length: rows.size }, (_, row) => rows.slotAt(row)),
      sheet: this.#parts.plan.explain(rows, request, this.trace.telling),
    };
  }

  /** Called after `decide`: what the candidates scored; nothing where no scorer was asked. */
  scores(): readonly CandidateScore[] {
    if (!this.trace.isScored) return [];
    const { size } = this.#rows;
    const { totals } = this.#parts.plan;
    return Array.from({ length: size }, (_, row) => {
      const { address = "" } = this.#parts.table.podAt(this.#rows.slotAt(row)) ?? {};
      return { address, score: totals[row] ?? 0 };
    });
  }

  /** Scores made of nothing but unknowns are the same for everybody: a balance is left to our own counts. */
  #knowsNothing(): boolean {
    const { size, columns: gathered } = this.#rows;
    for (const name of this.#told) {
      const column = gathered[name];
      for (let row = 0; row < size; row++) if (!Number.isNaN(column[row])) return false;
    }
    return this.#told.length > 0;
  }

  #pickedByScore(question: Question, faults?: ScorerFaults): Decision {
    const rows = this.#rows;
    const totals = this.#parts.plan.run(rows, question.request, faults, this.trace.telling);
    this.trace.isScored = true;
    return this.#picked(rows, this.#pick(totals, rows.size, this.#lot.next), question, totals);
  }

  #pickedByLoad(rows: CandidateRows, question: Question): Decision {
    const row = pickLeast(rows.columns.inFlight, rows.size, this.#lot.next);
    return this.#picked(rows, row, question, undefined);
  }

  /** `totals` are absent where no scorer was asked. */
  #picked(rows: CandidateRows, row: number, question: Question, totals: Float64Array | undefined): Decision {
    const { request, reason, choice, seed } = question;
    const pod = this.#parts.table.podAt(rows.slotAt(row));
    if (pod === undefined) return { kind: "refused", code: "no_pods" };
    const isHitFilled = this.#isHitRead && rows === this.#rows;
    const predictedHit = isHitFilled ? (rows.columns.prefixHit[row] ?? Number.NaN) : Number.NaN;
    const uncachedTokens = promptTokensOf(request) * (1 - (predictedHit || 0));
    const { model } = request;
    const score = totals?.[row] ?? 0;
    const { pool } = choice;
    const picked = { kind: "picked", pod, pool, reason, score, model, seed, predictedHit, uncachedTokens } as const;
    if (this.#nextBest === undefined) return picked;
    return { ...picked, fallbacks: this.#nextBest.behind(row, rows, totals) };
  }

  #refused({ choice: { pool, among }, request: { model } }: Question): Decision {
    const { filters } = this.#parts;
    if (filters === undefined || among.size === 0) return { kind: "refused", code: "no_pods", pool, model };
    return { kind: "refused", code: filters.refusal, pool, model };
  }
}

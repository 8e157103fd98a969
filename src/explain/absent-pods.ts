/** Why the pods of a pool that were no candidates were none, as numbers: told at the pick, since it changes. */
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { SlotList } from "../pods/pool.ts";
import type { Trail } from "../routing/router.ts";

const LACKS_MODEL = 0;
const OUTSIDE_SUBSET = 1;
const OUTSIDE_SELECTOR = 2;
const SILENT = 3;
const SET_ASIDE = 4;
const NEWCOMER = 5;
const NOT_ASKED = 6;
/** By number; what comes behind them are names of filters. */
const reasons = [
  "does not serve the model",
  "outside the subset that the data plane allows",
  "outside the selector of the request's header",
  "does not answer",
  "set aside: requests to it failed",
  "a newcomer that sits this one out",
  "not asked",
] as const;
/** Lists that one decision is looked at through: candidates, asked, allowed, serving. */
const LISTS = 4;
const LAST_MARK = 2 ** 30;

export class AbsentPods {
  readonly #table: PodTable;
  readonly #filters: string[] = [];
  /** By slot: the mark of the list that it was last seen in. */
  #marks = new Int32Array(0);
  #mark = 0;
  /** The mark of this decision's first list. */
  #first = 0;

  constructor(table: PodTable) {
    this.#table = table;
  }

  /** Writes pairs of slot and reason from `at` on; returns how many. The first `size` rows of the trail were candidates. */
  write({ lane, pool, among, request }: Trail, size: number, to: Float64Array, at: number): number {
    if (pool === undefined) return 0;
    this.#begin();
    const serving = pool.serving(request?.model ?? "") ?? (pool.settings.unknownModel === "pass" ? pool.members : none);
    const trace = lane?.trace;
    if (trace !== undefined) this.#markAll({ slots: trace.rows.slots, size });
    const isCandidate = this.#mark;
    const isAsked = this.#markOthers(trace?.among ?? none);
    const isAllowed = this.#markOthers(among ?? none);
    const isServing = this.#markOthers(serving);
    let count = 0;
    const { slots } = pool.members;
    for (let i = 0; i < pool.members.size; i++) {
      const slot = slots[i] as Slot;
      const mark = this.#marks[slot] ?? 0;
      if (size > 0 && mark === isCandidate) continue;
      let why: number = LACKS_MODEL;
      if (mark === isAsked) why = this.#reasonOf(slot, lane);
      else if (mark === isAllowed) why = trace === undefined ? NOT_ASKED : OUTSIDE_SELECTOR;
      else if (mark === isServing) why = OUTSIDE_SUBSET;
      to[at + 2 * count] = slot;
      to[at + 2 * count + 1] = why;
      count++;
    }
    return count;
  }

  wordsOf(why: number): string {
    const filter = this.#filters[why - reasons.length];
    return filter === undefined ? (reasons[why] ?? "unknown") : `left out by the filter ${filter}`;
  }

  /** It was among those that the lane gathered from. */
  #reasonOf(slot: Slot, lane: Trail["lane"]): number {
    const filter = lane?.trace.filters?.dropperOf(slot);
    if (filter !== undefined) return this.#numberOf(filter);
    if (this.#table.reachable[slot] !== 1) return SILENT;
    return this.#table.setAside[slot] === 1 ? SET_ASIDE : NEWCOMER;
  }

  #numberOf(filter: string): number {
    const at = this.#filters.indexOf(filter);
    return reasons.length + (at === -1 ? this.#filters.push(filter) - 1 : at);
  }

  #begin(): void {
    const { capacity } = this.#table;
    if (this.#marks.length < capacity || this.#first >= LAST_MARK) {
      this.#marks = new Int32Array(capacity);
      this.#first = 0;
    }
    this.#first += LISTS;
    this.#mark = this.#first;
  }

  #markAll({ slots, size }: SlotList): void {
    for (let i = 0; i < size; i++) this.#marks[slots[i] ?? 0] = this.#mark;
  }

  /** Marks those that no list before it has; returns their mark. */
  #markOthers({ slots, size }: SlotList): number {
    this.#mark++;
    for (let i = 0; i < size; i++) {
      const slot = slots[i] ?? 0;
      if ((this.#marks[slot] ?? 0) < this.#first) this.#marks[slot] = this.#mark;
    }
    return this.#mark;
  }
}

const none: SlotList = Object.freeze({ slots: new Int32Array(0), size: 0 });

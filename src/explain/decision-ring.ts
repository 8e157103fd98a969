/**
 * The most recent decisions with the numbers they were made of, as they stood at the pick. Numbers are copied into one
 * array made at the start; words and objects are made of them only when somebody asks (read-decision.ts).
 *
 *   floats   | slots | totals | told at | state | a column ... | a scorer's scores ... | absent: slot, why | next decision
 *              each part holds one number per candidate
 *
 * A decision whose numbers were overwritten since, or that has more than there is room for, keeps what it is without
 * them.
 */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";
import type { Decision } from "../routing/decision.ts";
import type { LaneTrace } from "../routing/lane.ts";
import type { Trail } from "../routing/router.ts";
import { AbsentPods } from "./absent-pods.ts";

/** About 240 decisions on 200 pods with the default scorers; 4 MiB. */
const FLOATS = 1 << 19;
/** Pods that left, of which decisions of the ring may tell. */
const GONE_KEPT = 512;
/** Parts before those of the columns. */
export const HEAD_PARTS = 4;
export const STATE_PART = 3;
/** Bits of a candidate's state. */
export const SILENT_BIT = 1;
export const ASIDE_BIT = 2;
export const NEWCOMER_BIT = 4;

/** One decision of the ring. Its lane's plan and names are read later: they never change. */
export interface Entry {
  /** Counted from 0; -1 before the first. */
  number: number;
  atMs: number;
  /** By the clock of `told at`. */
  clockMs: number;
  elapsedMs: number;
  shadow: boolean;
  decision: Decision | undefined;
  trace: LaneTrace | undefined;
  isScored: boolean;
  telling: LaneTrace["telling"];
  reads: LaneTrace["reads"];
  pool: string;
  model: string;
  /** Where its numbers begin, counted over the whole life of the ring; candidates and absent pods they tell of. */
  start: number;
  size: number;
  absent: number;
}

export class DecisionRing {
  readonly absentPods: AbsentPods;
  readonly #table: PodTable;
  readonly #entries: readonly Entry[];
  readonly #floats: Float64Array;
  readonly #gone: { readonly pod: Pod; readonly before: number }[] = [];
  #next = 0;
  /** Pods of entries before this one may have been forgotten. */
  #namedFrom = 0;
  /** Numbers written since the start, gaps at the end of the array included. */
  #written = 0;

  constructor(table: PodTable, size: number, floats = FLOATS) {
    this.#table = table;
    this.#entries = Array.from({ length: size }, newEntry);
    this.#floats = new Float64Array(floats);
    this.absentPods = new AbsentPods(table);
    table.onLeave((pod) => {
      if (this.#gone.length >= GONE_KEPT) this.#namedFrom = this.#gone.shift()?.before ?? 0;
      this.#gone.push({ pod, before: this.#next });
    });
  }

  /** Call it in the tick of the decision: the trail is scratch. Returns the decision's number. */
  add(decision: Decision, trail: Trail | undefined, atMs: number, clockMs: number): number {
    const number = this.#next++;
    const entry = this.#entries[number % this.#entries.length];
    if (entry === undefined) return number;
    entry.number = number;
    entry.atMs = atMs;
    entry.clockMs = clockMs;
    entry.elapsedMs = Number.NaN;
    entry.shadow = false;
    entry.decision = decision;
    entry.pool = decision.pool?.name ?? trail?.pool?.name ?? "";
    entry.model = decision.model ?? trail?.request?.model ?? "";
    entry.size = entry.absent = 0;
    entry.start = this.#written;
    this.#note(entry, trail);
    return number;
  }

  /** The entry of this number; undefined once another has its place. */
  entry(number: number): Entry | undefined {
    const entry = this.#entries[number % this.#entries.length];
    return entry?.number === number ? entry : undefined;
  }

  /** Newest first. */
  *latest(): Generator<Entry> {
    for (let number = this.#next - 1; number >= 0; number--) {
      const entry = this.entry(number);
      if (entry === undefined) return;
      yield entry;
    }
  }

  /** Are the numbers of the entry still there, and the pods that they are of? */
  isWhole({ start, number }: Entry): boolean {
    if (number < this.#namedFrom) return false;
    return start >= 0 && this.#written - start <= this.#floats.length;
  }

  /** Number `at` of those that the entry has. */
  numberAt({ start }: Entry, at: number): number {
    return this.#floats[(start + at) % this.#floats.length] ?? Number.NaN;
  }

  /** The numbers of one part, one a candidate; none where they are no longer kept. */
  part(entry: Entry, part: number): Float64Array {
    if (!this.isWhole(entry)) return new Float64Array(0);
    const at = (entry.start + part * entry.size) % this.#floats.length;
    return this.#floats.subarray(at, at + entry.size);
  }

  /** The pods of the pool that were no candidates. */
  absentOf(entry: Entry): { readonly pod: string; readonly why: string }[] {
    if (!this.isWhole(entry)) return [];
    const { size, reads, isScored, telling, trace, absent } = entry;
    const steps = isScored && trace !== undefined && size > 0 ? trace.plan.stepsOf(telling).length : 0;
    const at = size * (HEAD_PARTS + reads.length + steps);
    return Array.from({ length: absent }, (_, i) => ({
      pod: this.podAt(this.numberAt(entry, at + 2 * i), entry)?.name ?? "",
      why: this.absentPods.wordsOf(this.numberAt(entry, at + 2 * i + 1)),
    }));
  }

  /** Who held the slot when the entry was made. */
  podAt(slot: number, { number }: Entry): Pod | undefined {
    const left = this.#gone.find(({ pod, before }) => pod.slot === slot && before > number);
    return left?.pod ?? this.#table.podAt(slot as Slot);
  }

  #note(entry: Entry, trail: Trail | undefined): void {
    const trace = trail?.lane?.trace;
    entry.trace = trace;
    entry.isScored = trace?.isScored ?? false;
    entry.telling = trace?.telling ?? "told";
    entry.reads = trace?.reads ?? none;
    if (trace !== undefined && entry.decision?.kind === "picked" && !this.#noteRows(entry, trace)) return;
    const members = trail?.pool?.members.size ?? 0;
    if (trail === undefined || members <= entry.size) return;
    this.#noteAbsent(entry, trail, members);
  }

  #noteRows(entry: Entry, { rows, plan, reads, isScored, telling }: LaneTrace): boolean {
    const { size } = rows;
    const steps = isScored ? plan.stepsOf(telling) : none;
    const at = this.#reserve(entry, size * (HEAD_PARTS + reads.length + steps.length));
    if (at === -1) return false;
    entry.size = size;
    const floats = this.#floats;
    const { slots } = rows;
    const { totals } = plan;
    const { toldAtMs, reachable, setAside, admission } = this.#table;
    for (let row = 0; row < size; row++) {
      const slot = slots[row]!;
      floats[at + row] = slot;
      floats[at + size + row] = isScored ? totals[row]! : 0;
      floats[at + 2 * size + row] = toldAtMs[slot]!;
      const isSilent = reachable[slot] === 1 ? 0 : SILENT_BIT;
      const isAside = setAside[slot] === 1 ? ASIDE_BIT : 0;
      floats[at + STATE_PART * size + row] = isSilent | isAside | (admission[slot]! < 1 ? NEWCOMER_BIT : 0);
    }
    let to = at + HEAD_PARTS * size;
    for (const name of reads) {
      copyRows(rows.columns[name], floats, to, size);
      to += size;
    }
    for (const { scores, counts } of steps) {
      if (counts) copyRows(scores, floats, to, size);
      else floats.fill(Number.NaN, to, to + size);
      to += size;
    }
    return true;
  }

  #noteAbsent(entry: Entry, trail: Trail, members: number): void {
    const at = this.#reserve(entry, 2 * (members - entry.size));
    if (at !== -1) entry.absent = this.absentPods.write(trail, entry.size, this.#floats, at);
  }

  /** Room for so many numbers in one piece behind those that the entry has; -1 where there is none. */
  #reserve(entry: Entry, count: number): number {
    const { length } = this.#floats;
    const all = this.#written - entry.start + count;
    if (all > length) {
      if (this.#written === entry.start) entry.start = -1;
      return -1;
    }
    if ((entry.start % length) + all > length) {
      // What an entry has stays in one piece: a second part that does not fit is left out.
      if (this.#written > entry.start) return -1;
      entry.start += length - (entry.start % length);
      this.#written = entry.start;
    }
    const at = this.#written % length;
    this.#written += count;
    return at;
  }
}

const none: readonly never[] = [];

function copyRows(from: Float64Array, to: Float64Array, at: number, size: number): void {
  for (let row = 0; row < size; row++) to[at + row] = from[row]!;
}

function newEntry(): Entry {
  return {
    ...{ number: -1, atMs: 0, clockMs: 0, elapsedMs: Number.NaN, shadow: false, decision: undefined },
    ...{ trace: undefined, isScored: false, telling: "told", reads: none, pool: "", model: "" },
    ...{ start: 0, size: 0, absent: 0 },
  };
}

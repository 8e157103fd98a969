/**
 * Which pods may serve, gathered into dense rows: row r of every column belongs to the pod in slots[r].
 * Scorers see rows only, never slots, holes or reachability. One instance per lane; its rows are scratch that is valid
 * until the next gather.
 */
import { type ColumnName, columnNames, columns, type PodColumn } from "../pods/columns.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { SlotList } from "../pods/pool.ts";
import type { FilterChain } from "./filter-chain.ts";

export type CandidateColumns = Record<ColumnName, Float64Array>;

/** What is demanded of a candidate, from the strictest down, since trying beats refusing. */
const demands = [
  { reachable: true, well: true, settled: true },
  { reachable: true, well: true, settled: false },
  { reachable: true, well: false, settled: false },
  { reachable: false, well: false, settled: false },
] as const;
type Demand = (typeof demands)[number];

export class CandidateRows {
  size = 0;
  slots = new Int32Array(0);
  readonly columns: CandidateColumns;
  readonly #table: PodTable;
  readonly #podColumns: readonly PodColumn[];
  readonly #random: () => number;
  readonly #filters: FilterChain | undefined;
  /** Those that the filters of facts let through. */
  #eligible = new Int32Array(0);

  /** Only the columns in `reads` are gathered. */
  constructor(table: PodTable, reads: readonly ColumnName[], random: () => number, filters?: FilterChain) {
    this.#table = table;
    this.#random = random;
    this.#filters = filters;
    this.#podColumns = reads.filter((name): name is PodColumn => columns[name].owner === "pod");
    this.columns = Object.fromEntries(columnNames.map((name) => [name, new Float64Array(0)])) as CandidateColumns;
  }

  /**
   * Of `among` the pods that the filters of facts let through, that answer, are not set aside, are no newcomer that sits
   * this one out, and then pass the filters of load. Where none is left, or none but newcomers, the demands fall one by
   * one: the newcomers come in, then those set aside, then all. Newcomers come in too where the filters of load leave
   * none of those they make room for. Where the filters leave nobody even so, nobody it is: returns 0.
   */
  gather(among: SlotList): number {
    this.#makeRoom(this.#table.capacity);
    const filters = this.#filters;
    const eligible = filters === undefined ? among : this.#narrowed(among, filters);
    this.size = 0;
    for (const demand of demands) {
      this.size = this.#select(eligible, demand);
      if (this.size === 0) continue;
      if (filters !== undefined) this.size = filters.narrow("load", this.slots, this.size);
      // To sit out beside pods that take nothing more is to refuse; to be set aside is no way round a limit.
      if (this.size > 0 || !demand.settled) break;
    }
    for (const name of this.#podColumns) this.#gatherColumn(name);
    return this.size;
  }

  slotAt(row: number): Slot {
    return this.slots[row]! as Slot;
  }

  #narrowed(among: SlotList, filters: FilterChain): SlotList {
    const slots = this.#eligible;
    for (let i = 0; i < among.size; i++) slots[i] = among.slots[i]!;
    return { slots, size: filters.narrow("facts", slots, among.size) };
  }

  #select(among: SlotList, demand: Demand): number {
    const { reachable, setAside, admission } = this.#table;
    const { slots } = this;
    const { slots: from, size: count } = among;
    let size = 0;
    let settled = 0;
    for (let i = 0; i < count; i++) {
      const slot = from[i]!;
      if (demand.reachable && reachable[slot] !== 1) continue;
      if (demand.well && setAside[slot] === 1) continue;
      if (admission[slot]! === 1) settled++;
      else if (demand.settled && this.#random() >= admission[slot]!) continue;
      slots[size++] = slot;
    }
    // Newcomers among themselves have nobody to wait for: sitting out would leave one of them by chance.
    return demand.settled && settled === 0 ? 0 : size;
  }

  #gatherColumn(name: PodColumn): void {
    const source = this.#table.columns[name];
    const rows = this.columns[name];
    const { slots, size } = this;
    for (let row = 0; row < size; row++) rows[row] = source[slots[row]!]!;
  }

  #makeRoom(capacity: number): void {
    if (this.slots.length >= capacity) return;
    this.slots = new Int32Array(capacity);
    this.#eligible = new Int32Array(capacity);
    for (const name of columnNames) this.columns[name] = new Float64Array(capacity);
  }
}

/**
 * Which pods may serve, gathered into dense rows: row r of every column belongs to the pod in slots[r].
 * Scorers see rows only, never slots, holes or reachability. One instance per router; its rows are scratch that is
 * valid until the next gather.
 */
import { type ColumnName, columns, type PodColumn } from "../pods/columns.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { SlotList } from "../pods/pool.ts";

export type CandidateColumns = Record<ColumnName, Float64Array>;

export class CandidateRows {
  size = 0;
  slots = new Int32Array(0);
  readonly columns: CandidateColumns;
  readonly #table: PodTable;
  readonly #podColumns: readonly PodColumn[];
  readonly #random: () => number;

  /** Only the columns in `reads` are gathered. */
  constructor(table: PodTable, reads: readonly ColumnName[], random: () => number) {
    this.#table = table;
    this.#random = random;
    this.#podColumns = reads.filter((name): name is PodColumn => columns[name].owner === "pod");
    this.columns = Object.fromEntries(
      (Object.keys(columns) as ColumnName[]).map((name) => [name, new Float64Array(0)]),
    ) as CandidateColumns;
  }

  /**
   * Of `among` the pods that answer, are not set aside, and are no newcomer that sits this one out. Where none is left,
   * or none but newcomers, the demands fall one by one: the newcomers come in, then those set aside, then all, since
   * trying beats refusing.
   * Returns how many.
   */
  gather(among: SlotList): number {
    this.#makeRoom(this.#table.capacity);
    let size = this.#select(among, true, true);
    if (size === 0) size = this.#select(among, true, false);
    if (size === 0) size = this.#select(among, false, false);
    if (size === 0) {
      size = among.size;
      this.slots.set(among.slots.subarray(0, size));
    }
    this.size = size;
    for (const name of this.#podColumns) this.#gatherColumn(name);
    return size;
  }

  slotAt(row: number): Slot {
    return this.slots[row]! as Slot;
  }

  #select(among: SlotList, wellOnly: boolean, ramped: boolean): number {
    const { reachable, setAside, admission } = this.#table;
    let size = 0;
    let settled = 0;
    for (let i = 0; i < among.size; i++) {
      const slot = among.slots[i]!;
      if (reachable[slot] !== 1 || (wellOnly && setAside[slot] === 1)) continue;
      if (admission[slot]! === 1) settled++;
      else if (ramped && this.#random() >= admission[slot]!) continue;
      this.slots[size++] = slot;
    }
    // Newcomers among themselves have nobody to wait for: sitting out would leave one of them by chance.
    return ramped && settled === 0 ? 0 : size;
  }

  #gatherColumn(name: PodColumn): void {
    const source = this.#table.columns[name];
    const rows = this.columns[name];
    for (let row = 0; row < this.size; row++) rows[row] = source[this.slots[row]!]!;
  }

  #makeRoom(capacity: number): void {
    if (this.slots.length >= capacity) return;
    this.slots = new Int32Array(capacity);
    for (const name of Object.keys(this.columns) as ColumnName[]) this.columns[name] = new Float64Array(capacity);
  }
}

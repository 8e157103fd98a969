/**
 * Which pods may serve, gathered into dense rows: row r of every column belongs to the pod in slots[r].
 * Scorers see rows only, never slots, holes or reachability. One instance per router; its rows are scratch that is
 * valid until the next gather.
 */
import { type ColumnName, columns, type PodColumn } from "../pods/columns.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";

export type CandidateColumns = Record<ColumnName, Float64Array>;

export class CandidateRows {
  size = 0;
  slots = new Int32Array(0);
  readonly columns: CandidateColumns;
  readonly #table: PodTable;
  readonly #podColumns: readonly PodColumn[];

  /** Only the columns in `reads` are gathered. */
  constructor(table: PodTable, reads: readonly ColumnName[]) {
    this.#table = table;
    this.#podColumns = reads.filter((name): name is PodColumn => columns[name].owner === "pod");
    this.columns = Object.fromEntries(
      (Object.keys(columns) as ColumnName[]).map((name) => [name, new Float64Array(0)]),
    ) as CandidateColumns;
  }

  /** The reachable pods; all known ones when none is reachable, since trying beats refusing. Returns how many. */
  gather(): number {
    const table = this.#table;
    this.#makeRoom(table.capacity);
    let size = 0;
    for (let i = 0; i < table.size; i++) {
      const slot = table.live[i]!;
      if (table.reachable[slot] === 1) this.slots[size++] = slot;
    }
    if (size === 0) {
      size = table.size;
      this.slots.set(table.live.subarray(0, size));
    }
    this.size = size;
    for (const name of this.#podColumns) this.#gatherColumn(name);
    return size;
  }

  slotAt(row: number): Slot {
    return this.slots[row]! as Slot;
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

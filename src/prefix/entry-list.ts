/**
 * Entries in the order in which they may go, the oldest first: a chain through the records, at no memory of its own.
 * An entry says that a block is in a pod's cache; it is in one list at a time.
 */
import type { RecordPool } from "./record-pool.ts";

/** Words of an entry's record. */
export const BLOCK = 0;
export const TENANT = 1;
/** Entry of the block before this one, 0 for the first of a prompt. */
export const PARENT = 2;
/** Neighbours among the entries of the same block. */
export const NEXT = 3;
export const PREVIOUS = 4;
const NEWER = 5;
const OLDER = 6;
/** How many pins hold the entry, and whether it is FRESH. */
export const PINS = 7;

export class EntryList {
  size = 0;
  oldest = 0;
  #newest = 0;
  readonly #words: RecordPool["words"];

  constructor(pool: RecordPool) {
    this.#words = pool.words;
  }

  addNewest(entry: number): void {
    this.#link(0, entry, this.#newest);
  }

  addOldest(entry: number): void {
    this.#link(this.oldest, entry, 0);
  }

  /** Makes it the next newer one of `older`, which is in the list. */
  addBefore(older: number, entry: number): void {
    this.#link(this.#words[older + NEWER]!, entry, older);
  }

  remove(entry: number): void {
    const words = this.#words;
    const newer = words[entry + NEWER]!;
    const older = words[entry + OLDER]!;
    if (newer === 0) this.#newest = older;
    else words[newer + OLDER] = older;
    if (older === 0) this.oldest = newer;
    else words[older + NEWER] = newer;
    this.size--;
  }

  #link(newer: number, entry: number, older: number): void {
    const words = this.#words;
    words[entry + NEWER] = newer;
    words[entry + OLDER] = older;
    if (newer === 0) this.#newest = entry;
    else words[newer + OLDER] = entry;
    if (older === 0) this.oldest = entry;
    else words[older + NEWER] = entry;
    this.size++;
  }
}

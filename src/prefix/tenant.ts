/**
 * The entries of one pod, from the newest to the oldest use. An entry says that a block is in a pod's cache.
 *
 * Order kept: an entry is always newer than those of the blocks behind it in the same prompt. So the oldest entry is
 * the tail of some prompt, and dropping entries from the old end never leaves a gap.
 */
import type { RecordPool } from "./record-pool.ts";

/** Words of an entry's record; one is left. */
export const BLOCK = 0;
export const TENANT = 1;
/** Entry of the block before this one, 0 for the first of a prompt. */
export const PARENT = 2;
/** Neighbours among the entries of the same block. */
export const NEXT = 3;
export const PREVIOUS = 4;
const NEWER = 5;
const OLDER = 6;

/** One pod as the index knows it: a slot's tenant of one generation. */
export class Tenant {
  readonly id: number;
  readonly slot: number;
  readonly generation: number;
  entries = 0;
  oldest = 0;
  #newest = 0;
  readonly #words: RecordPool["words"];

  constructor(id: number, slot: number, generation: number, pool: RecordPool) {
    this.id = id;
    this.slot = slot;
    this.generation = generation;
    this.#words = pool.words;
  }

  /** Makes the entry and all before it in its prompt the newest. */
  touch(entry: number): void {
    for (let at = entry; at !== 0; at = this.#words[at + PARENT]!) {
      this.#unlink(at);
      this.#linkBehind(0, at);
    }
  }

  /** Adds an entry as the next older one of its parent. */
  add(entry: number): void {
    this.#linkBehind(this.#words[entry + PARENT]!, entry);
    this.entries++;
  }

  remove(entry: number): void {
    this.#unlink(entry);
    this.entries--;
  }

  /** `newer` 0: before all. */
  #linkBehind(newer: number, entry: number): void {
    const words = this.#words;
    const older = newer === 0 ? this.#newest : words[newer + OLDER]!;
    words[entry + NEWER] = newer;
    words[entry + OLDER] = older;
    if (newer === 0) this.#newest = entry;
    else words[newer + OLDER] = entry;
    if (older === 0) this.oldest = entry;
    else words[older + NEWER] = entry;
  }

  #unlink(entry: number): void {
    const words = this.#words;
    const newer = words[entry + NEWER]!;
    const older = words[entry + OLDER]!;
    if (newer === 0) this.#newest = older;
    else words[newer + OLDER] = older;
    if (older === 0) this.oldest = newer;
    else words[older + NEWER] = newer;
  }
}

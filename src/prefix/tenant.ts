/**
 * The entries of one pod, as its engine keeps its blocks: pinned while a request needs them, idle afterwards, and the
 * idle ones go in the order in which they were let go.
 *
 *   pinned (a request is in flight)      idle, oldest first
 *   [A1][A2][A3] request A               [C3][C2][C1] <- let go tail first, so C's head outlives its tail
 *   [A1][A2][B3] request B
 *
 * Kept in both lists: an entry is newer than those of the blocks behind it in the same prompt, and what is pinned has a
 * pinned parent. So whoever drops from the old end, first of the idle and then of the pinned, never leaves a gap.
 */
import { EntryList, PARENT, PINS } from "./entry-list.ts";
import type { PodCache } from "./pod-cache.ts";
import type { RecordPool } from "./record-pool.ts";

/** Added by a request whose prompt may yet turn out never to have reached the pod; nobody else has used it since. */
const FRESH = 1 << 30;

/** One pod as the index knows it: a slot's tenant of one generation. */
export class Tenant {
  readonly id: number;
  readonly slot: number;
  readonly generation: number;
  cache: PodCache;
  readonly idle: EntryList;
  readonly pinned: EntryList;
  /** The pod left, or its process began anew: what it held is gone. */
  departed = false;
  readonly #words: RecordPool["words"];

  constructor(id: number, pod: { slot: number; generation: number; cache: PodCache }, pool: RecordPool) {
    this.id = id;
    this.slot = pod.slot;
    this.generation = pod.generation;
    this.cache = pod.cache;
    this.idle = new EntryList(pool);
    this.pinned = new EntryList(pool);
    this.#words = pool.words;
  }

  get entries(): number {
    return this.idle.size + this.pinned.size;
  }

  /** One more request needs the entry and all before it in its prompt. */
  pin(tail: number): void {
    const words = this.#words;
    let child = 0;
    for (let entry = tail; entry !== 0; entry = words[entry + PARENT]!) {
      const pins = words[entry + PINS]! & ~FRESH;
      words[entry + PINS] = pins + 1;
      if (pins > 0) continue;
      this.idle.remove(entry);
      if (child === 0) this.pinned.addOldest(entry);
      else this.pinned.addBefore(child, entry);
      child = entry;
    }
  }

  /** Takes in a new entry behind its pinned parent; it is pinned by the same request. */
  add(entry: number): void {
    this.#words[entry + PINS] = 1 | FRESH;
    this.pinned.addOldest(entry);
  }

  /** The request is over. */
  unpin(tail: number): void {
    const words = this.#words;
    for (let entry = tail; entry !== 0; entry = words[entry + PARENT]!) {
      const pins = (words[entry + PINS]! & ~FRESH) - 1;
      words[entry + PINS] = pins;
      if (pins > 0) continue;
      this.pinned.remove(entry);
      this.idle.addNewest(entry);
    }
  }

  /** Is the entry the work of one request alone? Then those behind it are as well. */
  isFresh(entry: number): boolean {
    return this.#words[entry + PINS] === (1 | FRESH);
  }

  /** Must be the oldest of its list, or have none behind it. */
  remove(entry: number): void {
    (this.#words[entry + PINS] === 0 ? this.idle : this.pinned).remove(entry);
  }
}

/**
 * What each pod probably has in its prefix cache: a mirror built from the picks alone, within a byte budget.
 *
 * Since a pod's entries have no gaps and a key names the whole head of a prompt, the pods that hold block i are among
 * those that hold block i-1: counts of holders never rise along a prompt. So `match` looks only at the depths where
 * the count changes, found by halving, and its cost does not depend on pods that hold nothing, nor on how long a head
 * all pods share.
 */
import type { Slot } from "../pods/pod-table.ts";
import { type BlockKeys, MAX_BLOCKS } from "../request/prompt-blocks.ts";
import { FIRST_ENTRY, HOLDERS } from "./block-table.ts";
import { EntryBook } from "./entry-book.ts";
import { NEXT, type Tenant } from "./tenant.ts";

/** Slot numbers are below this. */
const MAX_SLOTS = 65_536;

export interface PrefixIndexOptions {
  readonly budgetBytes: number;
  /** Entries a pod's cache is believed to hold at most, oldest out first; unlimited by default. */
  readonly podEntries?: number;
  /** Tells whether a slot still has the tenant that was recorded (the pod table). */
  readonly pods: { isCurrent(slot: Slot, generation: number): boolean };
}

export class PrefixIndex {
  readonly #book: EntryBook;
  readonly #podEntries: number;
  readonly #pods: PrefixIndexOptions["pods"];
  /** Row of a slot in the match at hand; anything for other slots, so it is checked by looking back. */
  readonly #rowOf = new Int32Array(MAX_SLOTS);
  /** Block records along the prompt at hand, 0 where not looked up or not there. */
  readonly #path = new Int32Array(MAX_BLOCKS);

  constructor(options: PrefixIndexOptions) {
    this.#book = new EntryBook(options.budgetBytes);
    this.#podEntries = options.podEntries ?? Number.POSITIVE_INFINITY;
    this.#pods = options.pods;
  }

  /** Blocks held, summed over pods; those of a pod that left count until they are swept. */
  get entries(): number {
    return this.#book.entries;
  }

  /** Memory taken from the system; it is used again, never given back. */
  get usedBytes(): number {
    return this.#book.pool.usedBytes;
  }

  get limitBytes(): number {
    return this.#book.pool.limitBytes;
  }

  /** Entries dropped for lack of room, since the start. */
  get evictions(): number {
    return this.#book.evictions;
  }

  /** Writes to hits[row] the share of the prompt's hashed bytes that the pod in slots[row] holds from its start on. */
  match(keys: BlockKeys, slots: Int32Array, size: number, hits: Float64Array): void {
    hits.fill(0, 0, size);
    this.#path.fill(0, 0, keys.count);
    let depth = this.#deepest(keys);
    if (depth < 0) return;
    for (let row = 0; row < size; row++) this.#rowOf[slots[row]!] = row;
    const totalBytes = keys.endBytes[keys.count - 1]!;
    let missing = size;
    while (depth >= 0 && missing > 0) {
      const share = keys.endBytes[depth]! / totalBytes;
      missing -= this.#credit(this.#path[depth]!, slots, size, hits, share);
      depth = this.#deepestWider(keys, depth);
    }
  }

  /** The prompt goes to this pod, which will hold all of it, newest use first. */
  record(keys: BlockKeys, slot: Slot, generation: number): void {
    const book = this.#book;
    book.sweep();
    if (keys.count === 0 || !this.#pods.isCurrent(slot, generation)) return;
    const tenant = book.admit(slot, generation);
    let depth = this.#heldDepth(keys, tenant);
    let entry = depth < 0 ? 0 : book.entryOf(this.#path[depth]!, tenant);
    tenant.touch(entry);
    while (++depth < keys.count) {
      if (tenant.entries >= this.#podEntries && !book.evictOldest(tenant, entry)) return;
      entry = book.add(keys.lo[depth]!, keys.hi[depth]!, tenant, entry);
      if (entry === 0) return;
    }
  }

  /** The pod in this slot has left: at once it holds nothing, its entries are dropped a slice at a time. */
  forgetPod(slot: Slot): void {
    this.#book.depart(slot);
  }

  /** Gives `share` to the holders of the block that have none yet; returns how many rows that were. */
  #credit(block: number, slots: Int32Array, size: number, hits: Float64Array, share: number): number {
    const { words } = this.#book.pool;
    let credited = 0;
    for (let entry = words[block + FIRST_ENTRY]!; entry !== 0; entry = words[entry + NEXT]!) {
      const tenant = this.#book.tenantOf(entry);
      if (tenant === undefined) continue;
      const row = this.#rowOf[tenant.slot]!;
      if (row >= size || slots[row] !== tenant.slot || hits[row] !== 0) continue;
      if (!this.#pods.isCurrent(tenant.slot as Slot, tenant.generation)) continue;
      hits[row] = share;
      credited++;
    }
    return credited;
  }

  #blockAt(keys: BlockKeys, depth: number): number {
    const known = this.#path[depth]!;
    if (known !== 0) return known;
    const block = this.#book.blocks.find(keys.lo[depth]!, keys.hi[depth]!);
    this.#path[depth] = block;
    return block;
  }

  /** The deepest block of the prompt that anybody holds; -1 for none. */
  #deepest(keys: BlockKeys): number {
    if (keys.count === 0 || this.#blockAt(keys, 0) === 0) return -1;
    let low = 0;
    let high = keys.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#blockAt(keys, middle) !== 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The deepest block before `depth` that more pods hold; -1 for none. */
  #deepestWider(keys: BlockKeys, depth: number): number {
    const { words } = this.#book.pool;
    const holders = words[this.#path[depth]! + HOLDERS]!;
    if (words[this.#path[0]! + HOLDERS] === holders) return -1;
    let low = 0;
    let high = depth - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (words[this.#blockAt(keys, middle) + HOLDERS]! > holders) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The deepest block of the prompt that this tenant holds; -1 for none. */
  #heldDepth(keys: BlockKeys, tenant: Tenant): number {
    this.#path.fill(0, 0, keys.count);
    let low = -1;
    let high = tenant.entries === 0 ? -1 : keys.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const block = this.#blockAt(keys, middle);
      if (block !== 0 && this.#book.entryOf(block, tenant) !== 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

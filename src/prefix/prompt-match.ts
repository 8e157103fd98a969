/**
 * Looks a prompt up: the longest run from its start that each pod holds.
 *
 * Since a pod's entries have no gaps and a key names the whole head of a prompt, the pods that hold block i are among
 * those that hold block i-1: counts of holders never rise along a prompt. So a match looks only at the depths where
 * the count changes, found by halving, and its cost does not depend on pods that hold nothing, nor on how long a head
 * all pods share. That is so among pods with blocks of one size; where there are several, each size is walked by
 * itself, in blocks of its own.
 *
 * Every length costs a look at all pods that hold as much or more, so where many pods hold heads of many lengths only
 * the longest are told exactly. Below the last of these, length n, pods are told to hold n/2, n/4, n/8 ... blocks: at
 * least half of what they do, and never more. The longest heads are what picks are about.
 */
import type { Slot } from "../pods/pod-table.ts";
import { BLOCK_BYTES, BlockKeys, MAX_BLOCKS } from "../request/prompt-blocks.ts";
import { FIRST_ENTRY, HOLDERS } from "./block-table.ts";
import type { EntryBook } from "./entry-book.ts";
import { NEXT } from "./entry-list.ts";
import { GRAINS } from "./pod-cache.ts";
import type { Tenant } from "./tenant.ts";

/** Slot numbers are below this. */
const MAX_SLOTS = 65_536;
/**
 * Holders looked at before lengths are told roughly: 90 pods with 90 lengths, or 1,000 pods with five. What comes then
 * is at most one look at each pod for each halving, 14 for the longest prompts.
 */
export const EXACT_HOLDERS = 4_096;
const noKeys = new BlockKeys(0);

export class PromptMatch {
  readonly #book: EntryBook;
  readonly #pods: { isCurrent(slot: Slot, generation: number): boolean };
  /** Row of a slot in the match at hand; anything for other slots, so it is checked by looking back. */
  readonly #rowOf = new Int32Array(MAX_SLOTS);
  /** Block records along the prompt at hand, 0 where not looked up or not there. */
  readonly #path = new Int32Array(MAX_BLOCKS);
  /** The prompt at hand, and the size of blocks it is walked in: every stride-th key counts. */
  #keys = noKeys;
  #stride = 1;
  #salt = 0;
  #count = 0;
  /** Blocks that may be hits: at least one byte is left to compute. */
  #hittable = 0;

  constructor(book: EntryBook, pods: { isCurrent(slot: Slot, generation: number): boolean }) {
    this.#book = book;
    this.#pods = pods;
  }

  /** See PrefixIndex.match. */
  fill(keys: BlockKeys, slots: Int32Array, size: number, hits: Float64Array): void {
    hits.fill(0, 0, size);
    if (keys.count === 0) return;
    for (let row = 0; row < size; row++) this.#rowOf[slots[row]!] = row;
    for (let grain = 0; grain < GRAINS; grain++) {
      if (this.#book.tenantsOfGrain[grain] === 0) continue;
      this.aim(keys, grain);
      this.#creditAll(slots, size, hits);
    }
  }

  /** Sets out to walk the prompt in blocks of this grain; returns how many there are. */
  aim(keys: BlockKeys, grain: number): number {
    const stride = (BLOCK_BYTES << grain) / keys.blockBytes;
    // Hashed in longer blocks than the pod has: nothing of it can be told.
    this.#count = stride < 1 ? 0 : Math.floor(keys.count / stride);
    this.#stride = stride;
    this.#keys = keys;
    this.#salt = this.saltOf(grain);
    this.#hittable = Math.min(this.#count, Math.floor((keys.totalBytes - 1) / (BLOCK_BYTES << grain)));
    this.#path.fill(0, 0, this.#count);
    return this.#count;
  }

  /** Keeps the keys of one size of blocks from those of another. */
  saltOf(grain: number): number {
    return grain << 28;
  }

  lowAt(depth: number): number {
    return (this.#keys.lo[(depth + 1) * this.#stride - 1]! ^ this.#salt) | 0;
  }

  highAt(depth: number): number {
    return this.#keys.hi[(depth + 1) * this.#stride - 1]! | 0;
  }

  /** The block's record, 0 when nobody holds it. */
  blockAt(depth: number): number {
    const known = this.#path[depth]!;
    if (known !== 0) return known;
    const block = this.#book.blocks.find(this.lowAt(depth), this.highAt(depth));
    this.#path[depth] = block;
    return block;
  }

  /** What holding the prompt down to `depth` saves, in bytes. */
  #hitBytes(depth: number): number {
    return Math.min(depth + 1, this.#hittable) * this.#stride * this.#keys.blockBytes;
  }

  /** The deepest block of the prompt that this tenant holds; -1 for none. */
  heldDepth(tenant: Tenant): number {
    let low = -1;
    let high = tenant.entries === 0 ? -1 : this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const block = this.blockAt(middle);
      if (block !== 0 && this.#book.entryOf(block, tenant) !== 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #creditAll(slots: Int32Array, size: number, hits: Float64Array): void {
    let depth = this.#deepest();
    let missing = size;
    let looked = 0;
    while (depth >= 0 && missing > 0) {
      missing -= this.#credit(depth, slots, size, hits);
      looked += this.#holdersAt(depth);
      depth = this.#deepestWider(depth, looked < EXACT_HOLDERS ? depth - 1 : ((depth + 1) >> 1) - 1);
    }
  }

  /** Gives the holders of the block at `depth` their share, unless they have one; returns how many rows that were. */
  #credit(depth: number, slots: Int32Array, size: number, hits: Float64Array): number {
    const { words } = this.#book.pool;
    const block = this.blockAt(depth);
    const share = this.#hitBytes(depth) / this.#keys.totalBytes;
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

  /** The deepest block of the prompt that anybody holds; -1 for none. */
  #deepest(): number {
    if (this.#hittable === 0 || this.blockAt(0) === 0) return -1;
    let low = 0;
    let high = this.#hittable - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.blockAt(middle) !== 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The deepest block down to `limit` that more pods hold than hold that at `depth`; -1 for none. */
  #deepestWider(depth: number, limit: number): number {
    const holders = this.#holdersAt(depth);
    if (this.#holdersAt(0) === holders) return -1;
    let low = 0;
    let high = Math.min(limit, depth - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#holdersAt(middle) > holders) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Of a block that somebody holds. */
  #holdersAt(depth: number): number {
    return this.#book.pool.words[this.blockAt(depth) + HOLDERS]!;
  }
}

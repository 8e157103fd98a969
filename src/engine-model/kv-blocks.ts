/**
 * The KV cache in blocks: reference counts, the prefix cache, and which block goes first when space is needed.
 *
 *   in use (references > 0)            idle (references = 0), oldest first
 *   [A1][A2][A3] sequence A            [C3][C2][C1] <- released tail first, so C's head outlives its tail
 *   [A1][A2][B3] sequence B            an idle block keeps its key: still a hit until it is taken
 */

import { KeyTable } from "./key-table.ts";

/** Reads an array at an index the caller knows to lie within. */
function at(array: Int32Array, index: number): number {
  return array[index] ?? 0;
}

export class KvBlocks {
  readonly total: number;
  readonly #references: Int32Array;
  /** Idle blocks as a ring: the entry after the last block is the ring's anchor. */
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  readonly #keyed: Uint8Array;
  readonly #byKey: KeyTable;
  #idle: number;

  constructor(total: number) {
    this.total = total;
    this.#idle = total;
    this.#references = new Int32Array(total);
    this.#older = new Int32Array(total + 1);
    this.#newer = new Int32Array(total + 1);
    this.#keyed = new Uint8Array(total);
    this.#byKey = new KeyTable(total);
    for (let block = 0; block <= total; block++) {
      this.#older[block] = block === 0 ? total : block - 1;
      this.#newer[block] = block === total ? 0 : block + 1;
    }
  }

  /** Blocks that no sequence holds; cached content in them may be evicted at any time. */
  get idle(): number {
    return this.#idle;
  }

  /** Blocks held by sequences. */
  get used(): number {
    return this.total - this.#idle;
  }

  /** The cached block of this key, or -1. */
  find(first: number, second: number): number {
    return this.#byKey.find(first, second);
  }

  isIdle(block: number): boolean {
    return at(this.#references, block) === 0;
  }

  /** One more sequence holds the block. */
  pin(block: number): void {
    const references = at(this.#references, block);
    if (references === 0) this.#unlink(block);
    this.#references[block] = references + 1;
  }

  /** Hands out the block that was idle longest and forgets what it held; -1 when every block is in use. */
  take(): number {
    if (this.#idle === 0) return -1;
    const block = at(this.#newer, this.total);
    this.#unlink(block);
    if (this.#keyed[block] === 1) {
      this.#byKey.remove(block);
      this.#keyed[block] = 0;
    }
    this.#references[block] = 1;
    return block;
  }

  /** The block is full and may be found by others. The first of two equal blocks keeps the key. */
  publish(block: number, first: number, second: number): void {
    if (this.#keyed[block] === 0 && this.#byKey.add(block, first, second)) this.#keyed[block] = 1;
  }

  /** A sequence lets go of its blocks, given in the order of its tokens. */
  release(blocks: Int32Array, count: number): void {
    for (let index = count - 1; index >= 0; index--) {
      const block = at(blocks, index);
      const references = at(this.#references, block) - 1;
      this.#references[block] = references;
      if (references === 0) this.#linkNewest(block);
    }
  }

  #unlink(block: number): void {
    const older = at(this.#older, block);
    const newer = at(this.#newer, block);
    this.#newer[older] = newer;
    this.#older[newer] = older;
    this.#idle--;
  }

  #linkNewest(block: number): void {
    const anchor = this.total;
    const newest = at(this.#older, anchor);
    this.#newer[newest] = block;
    this.#older[block] = newest;
    this.#newer[block] = anchor;
    this.#older[anchor] = block;
    this.#idle++;
  }
}

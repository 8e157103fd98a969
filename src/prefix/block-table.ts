/**
 * Block key -> block record. A hash table with chains that grows by one chain at a time (linear hashing), so that no
 * request ever waits for all of it to be rehashed.
 */
import type { RecordPool } from "./record-pool.ts";

/** Words of a block's record. */
export const KEY_LO = 0;
export const KEY_HI = 1;
/** First entry of the pods that hold the block. */
export const FIRST_ENTRY = 2;
/** How many pods hold it. */
export const HOLDERS = 3;
const NEXT_IN_CHAIN = 4;

export class BlockTable {
  readonly #pool: RecordPool;
  /** Chains in use: from #half up to twice that; the chains below #chains - #half are split in two already. */
  #chains = 1;
  #half = 1;
  #count = 0;

  constructor(pool: RecordPool) {
    this.#pool = pool;
  }

  /** 0 when nobody holds the block. */
  find(lo: number, hi: number): number {
    const { words, heads } = this.#pool;
    const low = lo | 0;
    const high = hi | 0;
    let block = this.#count === 0 ? 0 : heads[this.#chainOf(low)]!;
    while (block !== 0 && (words[block + KEY_LO] !== low || words[block + KEY_HI] !== high)) {
      block = words[block + NEXT_IN_CHAIN]!;
    }
    return block;
  }

  /** Adds a block that is not there, held by nobody; the pool has a record for it. */
  add(lo: number, hi: number): number {
    this.#growByOne();
    const { words, heads } = this.#pool;
    const block = this.#pool.take();
    words[block + KEY_LO] = lo;
    words[block + KEY_HI] = hi;
    words[block + FIRST_ENTRY] = 0;
    words[block + HOLDERS] = 0;
    const chain = this.#chainOf(lo | 0);
    words[block + NEXT_IN_CHAIN] = heads[chain]!;
    heads[chain] = block;
    return block;
  }

  remove(block: number): void {
    const { words, heads } = this.#pool;
    const chain = this.#chainOf(words[block + KEY_LO]!);
    const next = words[block + NEXT_IN_CHAIN]!;
    let before = heads[chain]!;
    if (before === block) heads[chain] = next;
    else {
      while (words[before + NEXT_IN_CHAIN] !== block) before = words[before + NEXT_IN_CHAIN]!;
      words[before + NEXT_IN_CHAIN] = next;
    }
    this.#pool.give(block);
    this.#count--;
  }

  /** Keys are well mixed: their low bits choose the chain. */
  #chainOf(lo: number): number {
    const chain = lo & (2 * this.#half - 1);
    return chain < this.#chains ? chain : chain - this.#half;
  }

  #growByOne(): void {
    this.#count++;
    if (this.#count <= this.#chains || this.#chains === this.#pool.maxHeads) {
      this.#pool.growHeads(this.#chains);
      return;
    }
    const added = this.#chains++;
    this.#pool.growHeads(this.#chains);
    this.#split(added - this.#half, added);
    if (this.#chains === 2 * this.#half) this.#half *= 2;
  }

  /** Hands the blocks of one chain out to itself and the one added for it. */
  #split(chain: number, added: number): void {
    const { words, heads } = this.#pool;
    let block = heads[chain]!;
    heads[chain] = 0;
    while (block !== 0) {
      const next = words[block + NEXT_IN_CHAIN]!;
      const target = (words[block + KEY_LO]! & this.#half) === 0 ? chain : added;
      words[block + NEXT_IN_CHAIN] = heads[target]!;
      heads[target] = block;
      block = next;
    }
  }
}

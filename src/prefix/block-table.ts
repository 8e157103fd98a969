/**
 * Block key -> block record. A hash table with chains that grows by one chain at a time (linear hashing), so that no
 * request ever waits for all of it to be rehashed. A record knows both its neighbours, so removing it takes no walk.
 */
import { ChainHash, type ChainSecret } from "./chain-hash.ts";
import type { RecordPool } from "./record-pool.ts";

/** Words of a block's record. */
export const KEY_LO = 0;
export const KEY_HI = 1;
/** First entry of the pods that hold the block. */
export const FIRST_ENTRY = 2;
/** How many pods hold it. */
export const HOLDERS = 3;
const NEXT_IN_CHAIN = 4;
/** The record before it; for the first one, the bitwise complement of the chain. */
const PREVIOUS_IN_CHAIN = 5;
const CHAIN_HASH = 6;

/**
 * Records looked at before a block counts as not there. Chains have one or so; should somebody ever know how to make a
 * long one, its blocks are forgotten instead of the thread being held.
 */
const LONGEST_WALK = 64;

export class BlockTable {
  readonly #pool: RecordPool;
  readonly #hash: ChainHash;
  /** Chains in use: from #half up to twice that; the chains below #chains - #half are split in two already. */
  #chains = 1;
  #half = 1;
  #count = 0;

  constructor(pool: RecordPool, secret?: ChainSecret) {
    this.#pool = pool;
    this.#hash = new ChainHash(secret);
  }

  /** 0 when nobody holds the block. */
  find(lo: number, hi: number): number {
    if (this.#count === 0) return 0;
    const { words, heads } = this.#pool;
    const low = lo | 0;
    const high = hi | 0;
    let block = heads[this.#chainOf(this.#hash.of(low, high))]!;
    for (let walked = 0; block !== 0 && walked < LONGEST_WALK; walked++) {
      if (words[block + KEY_LO] === low && words[block + KEY_HI] === high) return block;
      block = words[block + NEXT_IN_CHAIN]!;
    }
    return 0;
  }

  /** Adds a block that is not there, held by nobody; the pool has a record for it. */
  add(lo: number, hi: number): number {
    this.#growByOne();
    const { words } = this.#pool;
    const block = this.#pool.take();
    const hash = this.#hash.of(lo, hi);
    words[block + KEY_LO] = lo;
    words[block + KEY_HI] = hi;
    words[block + FIRST_ENTRY] = 0;
    words[block + HOLDERS] = 0;
    words[block + CHAIN_HASH] = hash;
    this.#putFirst(this.#chainOf(hash), block);
    return block;
  }

  remove(block: number): void {
    const { words, heads } = this.#pool;
    const next = words[block + NEXT_IN_CHAIN]!;
    const previous = words[block + PREVIOUS_IN_CHAIN]!;
    if (previous < 0) heads[~previous] = next;
    else words[previous + NEXT_IN_CHAIN] = next;
    words[next + PREVIOUS_IN_CHAIN] = previous;
    this.#pool.give(block);
    this.#count--;
  }

  /** Written behind the last record is record 0, which is nobody's: asking first would cost more. */
  #putFirst(chain: number, block: number): void {
    const { words, heads } = this.#pool;
    const next = heads[chain]!;
    words[block + NEXT_IN_CHAIN] = next;
    words[block + PREVIOUS_IN_CHAIN] = ~chain;
    words[next + PREVIOUS_IN_CHAIN] = block;
    heads[chain] = block;
  }

  #chainOf(hash: number): number {
    const chain = hash & (2 * this.#half - 1);
    return chain < this.#chains ? chain : chain - this.#half;
  }

  #growByOne(): void {
    this.#count++;
    if (this.#count <= this.#chains || this.#chains === this.#pool.maxHeads) return;
    const added = this.#chains++;
    this.#pool.headsUsed = this.#chains;
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
      this.#putFirst((words[block + CHAIN_HASH]! & this.#half) === 0 ? chain : added, block);
      block = next;
    }
  }
}

/**
 * Memory of the prefix index: records of eight 32-bit words and a table of chain heads, within one byte budget.
 * A record is named by the offset of its first word; 0 names none.
 */

const RECORD_WORDS = 8;
const WORD_BYTES = 4;
/**
 * Record 0 is never given out, and neither is the one beside it, so that a block and its first entry, which are taken
 * and given back together, share a line of the processor's cache.
 */
const FIRST_RECORD = 2 * RECORD_WORDS;
/** A block has a record and at least one entry, so half as many heads as records give chains of one or so. */
const RECORDS_PER_HEAD = 2;
/** Offsets of records are kept in words of 31 bits and a sign. */
const MOST_HEADS = 2 ** 31 / (RECORDS_PER_HEAD * RECORD_WORDS);
/** The system gives memory by pages; told is what was used in steps of so many bytes. */
const STEP_BYTES = 1 << 20;

export class RecordPool {
  readonly limitBytes: number;
  /**
   * Both have their full length from the start: the system gives zeroed memory when it is first touched, so what is not
   * used takes none. Arrays that grow in place would make each access to a word several times slower.
   */
  readonly words: Int32Array<ArrayBuffer>;
  readonly heads: Int32Array<ArrayBuffer>;
  readonly maxHeads: number;
  /** As many as the table uses. */
  headsUsed = 0;
  readonly #maxWords: number;
  /** Where the records never used begin. */
  #unused = FIRST_RECORD;
  /** First of the records given back, chained by their first word. */
  #free = 0;
  #freeCount = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
    const pairBytes = (RECORDS_PER_HEAD * RECORD_WORDS + 1) * WORD_BYTES;
    this.maxHeads = Math.min(Math.floor(limitBytes / pairBytes), MOST_HEADS);
    this.#maxWords = this.maxHeads * RECORDS_PER_HEAD * RECORD_WORDS;
    this.words = new Int32Array(this.#maxWords);
    this.heads = new Int32Array(this.maxHeads);
  }

  /** Memory written to so far, by and large. */
  get usedBytes(): number {
    return stepped(this.#unused - FIRST_RECORD, this.words) + stepped(this.headsUsed, this.heads);
  }

  /** Records that can be taken before some must be given back. */
  get available(): number {
    return this.#freeCount + Math.max(0, this.#maxWords - this.#unused) / RECORD_WORDS;
  }

  /** A record with old words in it. Only while `available` is above 0. */
  take(): number {
    if (this.#free !== 0) {
      const record = this.#free;
      this.#free = this.words[record]!;
      this.#freeCount--;
      return record;
    }
    const record = this.#unused;
    this.#unused += RECORD_WORDS;
    return record;
  }

  give(record: number): void {
    this.words[record] = this.#free;
    this.#free = record;
    this.#freeCount++;
  }
}

function stepped(count: number, words: Int32Array): number {
  return Math.min(Math.ceil((count * WORD_BYTES) / STEP_BYTES) * STEP_BYTES, words.byteLength);
}

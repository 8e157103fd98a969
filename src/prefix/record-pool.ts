/**
 * Memory of the prefix index: records of eight 32-bit words and a table of chain heads, within one byte budget.
 * A record is named by the offset of its first word; 0 names none.
 */

const RECORD_WORDS = 8;
const WORD_BYTES = 4;
/** A block has a record and at least one entry, so half as many heads as records give chains of one or so. */
const RECORDS_PER_HEAD = 2;
/** Memory is taken from the system in steps: small enough that none takes long, large enough to be rare. */
const STEP_BYTES = 1 << 20;

/** Words that grow in place: the view keeps its identity, nothing is copied, and memory not grown into is not used. */
function growingWords(maxWords: number): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer(0, { maxByteLength: maxWords * WORD_BYTES }));
}

export class RecordPool {
  readonly limitBytes: number;
  readonly words: Int32Array<ArrayBuffer>;
  readonly heads: Int32Array<ArrayBuffer>;
  readonly maxHeads: number;
  readonly #maxWords: number;
  /** Where the records never used begin; record 0 is never given out. */
  #unused = RECORD_WORDS;
  /** First of the records given back, chained by their first word. */
  #free = 0;
  #freeCount = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
    const pairBytes = (RECORDS_PER_HEAD * RECORD_WORDS + 1) * WORD_BYTES;
    this.maxHeads = Math.floor(limitBytes / pairBytes);
    this.#maxWords = this.maxHeads * RECORDS_PER_HEAD * RECORD_WORDS;
    this.words = growingWords(this.#maxWords);
    this.heads = growingWords(this.maxHeads);
  }

  get usedBytes(): number {
    return this.words.byteLength + this.heads.byteLength;
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
    if (this.#unused > this.words.length) grow(this.words, this.#unused, this.#maxWords);
    return record;
  }

  give(record: number): void {
    this.words[record] = this.#free;
    this.#free = record;
    this.#freeCount++;
  }

  /** Makes room for `count` chain heads, at most maxHeads. */
  growHeads(count: number): void {
    if (count > this.heads.length) grow(this.heads, count, this.maxHeads);
  }
}

function grow(words: Int32Array<ArrayBuffer>, count: number, max: number): void {
  const stepped = Math.ceil((count * WORD_BYTES) / STEP_BYTES) * STEP_BYTES;
  words.buffer.resize(Math.min(stepped, max * WORD_BYTES));
}

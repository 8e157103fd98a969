/**
 * Prompt -> chained block keys: key i names all bytes up to the end of block i, so equal keys mean equal heads.
 *
 * The prompt is one stream of bytes, cut into blocks of one size as an engine cuts its tokens: where a message ends
 * makes no cut, and what is left at the end is no block. The hash runs on eight-byte steps from the prompt's start, and
 * a key is read off it without touching it; so the key of a head is the same whatever size the blocks have.
 *
 *   part   | system, 100 bytes       | user, 50     | assistant, 60  |
 *   blocks | 64            | 64            | 64            | (18)
 *
 * Keys are 64 bits in two lanes. Each step takes eight bytes and is invertible in the lanes and in the bytes, so two
 * prompts that differ in one step never meet; otherwise they meet with a chance of about 2^-64 a pair: with ten
 * million blocks, one wrong block in 400,000 such indexes.
 *
 * That is chance. On purpose anybody can make prompts meet, or get the keys they like: the steps can be run backwards.
 * Prompts made to meet are taken for one, and a pod may compute what it was thought to hold; nothing else of theirs is
 * mixed up. Keys made to fall together in the index's table would hold the thread up, so that has a secret of its own
 * (src/prefix/chain-hash.ts).
 */
import { wordShift, wordsOf } from "./body-words.ts";
import { CompactValue, SLICE_BYTES } from "./compact-value.ts";
import type { InferenceRequest, Prompt } from "./inference-request.ts";
import { partsCaches, SPACED } from "./prompt-ranges.ts";

/** The smallest block: 16 tokens of four bytes. */
export const BLOCK_BYTES = 64;
/** Blocks beyond these are left out: their pod is decided long before. */
export const MAX_BLOCKS = 16_384;

/** The keys of one prompt, in arrays that the next prompt reuses. */
export class BlockKeys {
  count = 0;
  /** BLOCK_BYTES times a power of two. */
  blockBytes = BLOCK_BYTES;
  blockShift = Math.log2(BLOCK_BYTES);
  /** The whole prompt, with what is left behind the last block. */
  totalBytes = 0;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;

  constructor(room = MAX_BLOCKS) {
    this.lo = new Uint32Array(room);
    this.hi = new Uint32Array(room);
  }

  /** Forgets the prompt; the next one is cut into blocks of this size. */
  begin(blockBytes: number): void {
    this.count = 0;
    this.totalBytes = 0;
    this.blockBytes = blockBytes;
    this.blockShift = 31 - Math.clz32(blockBytes);
  }

  add(lo: number, hi: number): void {
    this.lo[this.count] = lo;
    this.hi[this.count] = hi;
    this.count++;
  }

  /** With room for no more than it holds. */
  copy(): BlockKeys {
    const keys = new BlockKeys(this.count);
    keys.begin(this.blockBytes);
    keys.count = this.count;
    keys.totalBytes = this.totalBytes;
    keys.lo.set(this.lo.subarray(0, this.count));
    keys.hi.set(this.hi.subarray(0, this.count));
    return keys;
  }
}

// Odd constants with their bits well spread; any such would do.
const LOW_FACTOR = 0x9e3779b1 | 0;
const HIGH_FACTOR = 0x7feb352d | 0;
/** Of these steps, which no text makes, one stands before each range, and behind what is no text of the prompt. */
const RANGE_SIGN = 0x3c6ef35f;
const MODEL_SIGN = 0x05ca6b35;
const SALT_SIGN = 0x06b27d4f;

// All of this is scratch of hashPrompt: the running hash, and the bytes it runs over.
let low = 0;
let high = 0;
let bytes: Uint8Array = new Uint8Array(0);
let words: Int32Array = new Int32Array(0);
let shift = 0;
const compact = new CompactValue();

/** Fills `keys`; the model's name seeds them, since pods share no cache between models or adapters. */
export function hashPrompt(request: InferenceRequest, keys: BlockKeys, blockBytes = BLOCK_BYTES): void {
  keys.begin(blockBytes);
  const { prompt } = request;
  if (prompt === null) return;
  low = LOW_FACTOR;
  high = HIGH_FACTOR;
  for (let i = 0; i < request.model.length; i++) mixStep(request.model.charCodeAt(i), i);
  mixStep(request.model.length, MODEL_SIGN);
  hashRanges(prompt, keys);
  // Keeps no body alive.
  compact.close();
  runOver(compact.slice);
}

function runOver(source: Uint8Array): void {
  bytes = source;
  words = wordsOf(source);
  shift = wordShift(source);
}

function hashRanges({ body, count, starts, ends, marks }: Prompt, keys: BlockKeys): void {
  runOver(body);
  for (let i = 0; i < count; i++) {
    const start = starts[i]!;
    const end = ends[i]!;
    const mark = marks[i]!;
    if (partsCaches(mark)) {
      mixStep(mark, 0);
      mixBytes(start, end);
      mixStep(end - start, SALT_SIGN);
      continue;
    }
    mixStep(RANGE_SIGN, mark & ~SPACED);
    if ((mark & SPACED) === 0) hashRange(start, end, keys);
    else {
      hashSpaced(body, start, end, keys);
      runOver(body);
    }
  }
}

/** Bytes behind the last block there is room for are counted and no more. */
function hashRange(start: number, end: number, keys: BlockKeys): void {
  const { blockBytes } = keys;
  const { length: room } = keys.lo;
  let at = start;
  let total = keys.totalBytes;
  while (at < end && keys.count < room) {
    const inBlock = total & (blockBytes - 1);
    // Up to a multiple of eight first, so that steps fall alike however the prompt is cut into blocks.
    const next = Math.min(end, at + ((total & 7) === 0 ? blockBytes - inBlock : 8 - (total & 7)));
    const blocks = inBlock === 0 ? Math.min((end - at) >> keys.blockShift, room - keys.count) : 0;
    const inRun = blocks > 0 ? mixRun(at, blockBytes >> 3, blocks, keys) * blockBytes : 0;
    if (inRun === 0) {
      mixBytes(at, next);
      if (inBlock + next - at === blockBytes) addKey(keys, low, high);
    }
    total += inRun || next - at;
    at += inRun || next - at;
  }
  keys.totalBytes = total + end - at;
}

/** As if the value had no space between its tokens. */
function hashSpaced(body: Uint8Array, start: number, end: number, keys: BlockKeys): void {
  compact.open(body, start, end);
  runOver(compact.slice);
  while (compact.at < end && keys.count < keys.lo.length) {
    // Slices end where the stream is at a multiple of eight, so that steps fall as if all of them were one.
    hashRange(0, compact.fill(SLICE_BYTES - (keys.totalBytes & 7)), keys);
  }
  keys.totalBytes += end - compact.at;
}

/** Bytes start..end-1, eight a step. */
function mixBytes(start: number, end: number): void {
  let at = start + mixRun(start, (end - start) >> 3, 1, undefined) * ((end - start) & ~7);
  for (; at + 8 <= end; at += 8) mixStep(wordAt(at, end), wordAt(at + 4, end));
  // No text has the byte that tells how many there are.
  if (at < end) mixStep(wordAt(at, end), wordAt(at + 4, end) | ((end - at) << 24));
}

/**
 * Steps from words that need not be aligned with them: each word is read once. A key is read off behind each `steps`
 * of them, where `keys` are given. Returns how often; fewer times where the words end.
 */
function mixRun(start: number, steps: number, times: number, keys: BlockKeys | undefined): number {
  let lowLane = low;
  let highLane = high;
  let index = (start + shift) >> 2;
  const right = ((start + shift) & 3) << 3;
  const left = 31 - right;
  // The last step must find the word behind it.
  const done = steps === 0 ? 0 : Math.max(0, Math.min(times, Math.floor((words.length - 1 - index) / (2 * steps))));
  let word = words[index] ?? 0;
  for (let time = 0; time < done; time++) {
    for (let step = 0; step < steps; step++) {
      const second = words[index + 1]!;
      const third = words[index + 2]!;
      // A shift by 32 would be one by 0: hence two shifts to the left.
      lowLane = Math.imul(lowLane ^ ((word >>> right) | ((second << 1) << left)), LOW_FACTOR);
      highLane = Math.imul(highLane ^ ((second >>> right) | ((third << 1) << left)), HIGH_FACTOR);
      lowLane ^= (highLane << 17) | (highLane >>> 15);
      highLane = (highLane + ((lowLane << 13) | (lowLane >>> 19))) | 0;
      word = third;
      index += 2;
    }
    if (keys !== undefined) addKey(keys, lowLane, highLane);
  }
  low = lowLane;
  high = highLane;
  return done;
}

/** Up to four bytes; those from `end` on count as zero. */
function wordAt(at: number, end: number): number {
  let word = 0;
  for (let i = Math.min(end, at + 4) - 1; i >= at; i--) word = (word << 8) | bytes[i]!;
  return word;
}

function mixStep(first: number, second: number): void {
  low = Math.imul(low ^ first, LOW_FACTOR);
  high = Math.imul(high ^ second, HIGH_FACTOR);
  low ^= (high << 17) | (high >>> 15);
  high = (high + ((low << 13) | (low >>> 19))) | 0;
}

/** Reads the key off the running hash, given in its lanes: every bit of them reaches every bit of it. */
function addKey(keys: BlockKeys, lowLane: number, highLane: number): void {
  let lo = lowLane;
  let hi = highLane;
  for (let round = 0; round < 3; round++) {
    lo = Math.imul(lo ^ (hi >>> 15) ^ (hi << 11), LOW_FACTOR);
    hi = Math.imul(hi ^ (lo >>> 16) ^ (lo << 7), HIGH_FACTOR);
  }
  keys.add(lo, hi);
}

/**
 * Prompt -> chained block keys: key i names all bytes up to the end of block i, so equal keys mean equal heads.
 *
 * A block is 256 bytes of one part; what is left of a part is a block of its own. So a message's end is always a
 * block's end, and the next turn of a conversation matches all of the last one. From 16 KiB of prompt on blocks grow
 * with the distance from its start, never beyond 1/32 of it: a long prompt costs the index a few hundred entries
 * instead of thousands, and a match is still told to 3 %.
 *
 *   part   | system, 600 bytes            | user, 90 | assistant, 300    |
 *   blocks | 256      | 256      | 88     | 90       | 256        | 44   |
 *
 * Keys are 64 bits in two lanes. Each step takes eight bytes and is invertible in the lanes and in the bytes, so two
 * prompts that differ in one step never meet; otherwise they meet with a chance of about 2^-64 a pair: with ten
 * million blocks, one wrong block in 400,000 such indexes. The keys are no defence against forged collisions, which
 * would only make the forger's own request be sent to a pod without its prompt.
 */
import { wordShift, wordsOf } from "./body-words.ts";
import type { InferenceRequest, Prompt } from "./inference-request.ts";
import { CONTINUES, SALT } from "./prompt-ranges.ts";

export const BLOCK_BYTES = 256;
/** Prompt bytes from which on blocks double in size whenever the distance doubles. */
const GROWTH_BYTES = 16 * 1024;
/** Blocks beyond these are left out: their pod is decided long before. */
export const MAX_BLOCKS = 16_384;

/** The keys of one prompt, in arrays that the next prompt reuses. */
export class BlockKeys {
  count = 0;
  readonly lo = new Uint32Array(MAX_BLOCKS);
  readonly hi = new Uint32Array(MAX_BLOCKS);
  /** Prompt bytes up to and including the block. */
  readonly endBytes = new Uint32Array(MAX_BLOCKS);
}

// Odd constants with their bits well spread; any such would do.
const LOW_FACTOR = 0x9e3779b1 | 0;
const HIGH_FACTOR = 0x7feb352d | 0;
/** Told apart from each other and from the start of a block: the start of a part and of a further range in it. */
const PART_SIGN = 0x3c6ef35f;
const RANGE_SIGN = 0x1b56c4e9;

// The running key; scratch of hashPrompt.
let low = 0;
let high = 0;

/** Fills `keys`; the model's name seeds them, since pods share no cache between models or adapters. */
export function hashPrompt(request: InferenceRequest, keys: BlockKeys): void {
  keys.count = 0;
  const { prompt } = request;
  if (prompt === null) return;
  low = LOW_FACTOR;
  high = HIGH_FACTOR;
  for (let i = 0; i < request.model.length; i++) mixStep(request.model.charCodeAt(i), i);
  finish(request.model.length);
  hashRanges(prompt, keys);
}

function hashRanges(prompt: Prompt, keys: BlockKeys): void {
  const words = wordsOf(prompt.body);
  const shift = wordShift(prompt.body);
  let filled = 0;
  let room = BLOCK_BYTES;
  for (let i = 0; i < prompt.count; i++) {
    const end = prompt.ends[i]!;
    let at = prompt.starts[i]!;
    const mark = prompt.marks[i]!;
    if (mark === SALT) {
      mixBytes(prompt.body, words, shift, at, end);
      finish(end - at);
      continue;
    }
    if (mark !== CONTINUES && filled > 0) {
      room = closeBlock(keys, filled);
      filled = 0;
    }
    mixStep(mark === CONTINUES ? RANGE_SIGN : PART_SIGN, 0);
    while (at < end) {
      if (keys.count === MAX_BLOCKS) return;
      const next = Math.min(end, at + room - filled);
      mixBytes(prompt.body, words, shift, at, next);
      filled += next - at;
      at = next;
      if (filled === room) {
        room = closeBlock(keys, filled);
        filled = 0;
      }
    }
  }
  if (filled > 0) closeBlock(keys, filled);
}

/** Returns the size of the block that begins here. */
function closeBlock(keys: BlockKeys, bytes: number): number {
  finish(bytes);
  const { count } = keys;
  const endBytes = (count === 0 ? 0 : keys.endBytes[count - 1]!) + bytes;
  keys.lo[count] = low;
  keys.hi[count] = high;
  keys.endBytes[count] = endBytes;
  keys.count = count + 1;
  return blockBytesAt(endBytes);
}

/** 256 below 16 KiB, then 512 to 32 KiB, 1024 to 64 KiB and so on. */
export function blockBytesAt(startBytes: number): number {
  if (startBytes < GROWTH_BYTES) return BLOCK_BYTES;
  return BLOCK_BYTES << (32 - Math.clz32(startBytes / GROWTH_BYTES));
}

/** Bytes start..end-1, eight a step, from words that need not be aligned with them: each word is read once. */
function mixBytes(body: Uint8Array, words: Int32Array, shift: number, start: number, end: number): void {
  let lowLane = low;
  let highLane = high;
  let index = (start + shift) >> 2;
  const right = ((start + shift) & 3) << 3;
  const left = 31 - right;
  // The last whole step must find the word behind it.
  const steps = Math.max(0, Math.min((end - start) >> 3, (words.length - 1 - index) >> 1));
  let word = words[index] ?? 0;
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
  low = lowLane;
  high = highLane;
  for (let at = start + steps * 8; at < end; at += 8) mixStep(wordAt(body, at, end), wordAt(body, at + 4, end));
}

/** Up to four bytes; those from `end` on count as zero. */
function wordAt(body: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let i = Math.min(end, at + 4) - 1; i >= at; i--) word = (word << 8) | body[i]!;
  return word;
}

function mixStep(first: number, second: number): void {
  low = Math.imul(low ^ first, LOW_FACTOR);
  high = Math.imul(high ^ second, HIGH_FACTOR);
  low ^= (high << 17) | (high >>> 15);
  high = (high + ((low << 13) | (low >>> 19))) | 0;
}

/** Lets every bit of the lanes, and the length, reach every bit of the key. */
function finish(length: number): void {
  low ^= length;
  for (let round = 0; round < 3; round++) {
    low = Math.imul(low ^ (high >>> 15) ^ (high << 11), LOW_FACTOR);
    high = Math.imul(high ^ (low >>> 16) ^ (low << 7), HIGH_FACTOR);
  }
}

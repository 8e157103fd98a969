/**
 * Block keys of a prompt that is told by ids instead of text, as traces tell it: id i names what stands in tokens
 * i * idTokens to (i + 1) * idTokens, behind all ids before it.
 *
 *   ids            | 7, 512 tokens                         | 8, what is left |
 *   blocks of 64   | 1  | 2  | 3  | 4  | 5  | 6  | 7  | 8  | 9  | 10 | (60) |
 */
import { BLOCK_BYTES, type BlockKeys } from "../request/prompt-blocks.ts";
import { FINEST_TOKENS } from "./pod-cache.ts";

export interface PromptIds {
  /** The last one may name fewer tokens. */
  readonly ids: ArrayLike<number>;
  readonly idTokens: number;
  readonly tokens: number;
}

const BYTES_PER_TOKEN = BLOCK_BYTES / FINEST_TOKENS;
// Odd constants with their bits well spread, and signs of the pieces of an id; any such would do.
const LOW_FACTOR = 0x85ebca6b | 0;
const HIGH_FACTOR = 0xc2b2ae35 | 0;

/**
 * Fills `keys`. The chain runs over the finest blocks, so that a head has the same key whatever size the blocks have.
 * Of an id that names part of a block, the block has the one that ends in it.
 */
export function keysOfIds({ ids, idTokens, tokens }: PromptIds, keys: BlockKeys, blockBytes = BLOCK_BYTES): void {
  keys.begin(blockBytes);
  keys.totalBytes = tokens * BYTES_PER_TOKEN;
  const piecesPerBlock = blockBytes / BLOCK_BYTES;
  const count = Math.min(Math.floor(keys.totalBytes / blockBytes), keys.lo.length) * piecesPerBlock;
  let low = LOW_FACTOR;
  let high = HIGH_FACTOR;
  for (let piece = 0; piece < count; piece++) {
    const id = ids[Math.floor(((piece + 1) * FINEST_TOKENS - 1) / idTokens)]!;
    low = Math.imul(low ^ id, LOW_FACTOR);
    high = Math.imul(high + id + 1, HIGH_FACTOR);
    low ^= (high >>> 15) ^ (high << 7);
    high ^= (low >>> 13) ^ piece;
    if ((piece + 1) % piecesPerBlock === 0) keys.add(low, high);
  }
}

/** Block keys made by hand: a prompt is a list of names, a key is a name with all that came before it. */
import { BLOCK_BYTES, BlockKeys } from "../../src/request/prompt-blocks.ts";
import type { Random } from "./random.ts";

/** The keys as the oracle wants them. */
export function keyTexts(prompt: readonly string[]): string[] {
  return prompt.map((_, depth) => prompt.slice(0, depth + 1).join("/"));
}

/** Under this secret the low bits of a key's low lane tell all about its chain. */
export const crowdingSecret = Int32Array.of(0, 1 << 22, 1 << 30, 0, 0, 0, 0, 0, 0);

/** Behind the last block stands half of one, so that all blocks may be hits. */
export function keysOf(prompt: readonly string[], blockBytes = BLOCK_BYTES): BlockKeys {
  const keys = new BlockKeys(prompt.length);
  keys.begin(blockBytes);
  let high = 17;
  for (const name of prompt) {
    for (const char of `${name}/`) high = Math.imul(high ^ char.charCodeAt(0), 0x9e3779b1) ^ (high >>> 13);
    keys.add((high >>> 21) | ((high & 1) << 31), high);
  }
  keys.totalBytes = (prompt.length + 0.5) * blockBytes;
  return keys;
}

/** Prompts that share heads: a walk down a tree with few branches at each fork. */
export function randomPrompt(random: Random, maxBlocks: number): string[] {
  return Array.from({ length: random.int(maxBlocks + 1) }, () => random.of(["a", "a", "a", "b", "c"]));
}

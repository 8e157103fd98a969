/** Block keys made by hand: a prompt is a list of names, a key is a name with all that came before it. */
import { BlockKeys } from "../../src/request/prompt-blocks.ts";
import type { Random } from "./random.ts";

/** The keys as the oracle wants them. */
export function keyTexts(prompt: readonly string[]): string[] {
  return prompt.map((_, depth) => prompt.slice(0, depth + 1).join("/"));
}

/** Every block has `blockBytes` bytes. The low lanes are few, so that blocks meet in the same chain. */
export function keysOf(prompt: readonly string[], blockBytes = 256): BlockKeys {
  const keys = new BlockKeys();
  let high = 17;
  for (const [depth, name] of prompt.entries()) {
    for (const char of `${name}/`) high = Math.imul(high ^ char.charCodeAt(0), 0x9e3779b1) ^ (high >>> 13);
    keys.lo[depth] = (high >>> 21) | ((high & 1) << 31);
    keys.hi[depth] = high;
    keys.endBytes[depth] = (depth + 1) * blockBytes;
  }
  keys.count = prompt.length;
  return keys;
}

/** Prompts that share heads: a walk down a tree with few branches at each fork. */
export function randomPrompt(random: Random, maxBlocks: number): string[] {
  return Array.from({ length: random.int(maxBlocks + 1) }, () => random.of(["a", "a", "a", "b", "c"]));
}

/** Names every full block of a prompt by a hash of all tokens up to its end, so that equal keys mean equal prefixes. */

/** A prompt as the engine sees it: never its tokens, only how many there are and the keys of its full blocks. */
export interface HashedPrompt {
  readonly tokens: number;
  readonly blockTokens: number;
  /** Two independent 32-bit lanes per full block; lane one finds the block, lane two confirms it. */
  readonly firstKeys: Int32Array;
  readonly secondKeys: Int32Array;
  /** The chain after the last token: generated tokens continue it. */
  readonly endFirst: number;
  readonly endSecond: number;
}

/** The running hash over tokens; its value at a block's end is that block's key. */
export class KeyChain {
  first: number;
  second: number;

  constructor(first: number, second: number) {
    this.first = first;
    this.second = second;
  }

  mix(token: number): void {
    const first = Math.imul(this.first ^ token, 0x9e3779b1);
    this.first = first ^ (first >>> 15);
    const second = Math.imul(this.second + token + 1, 0x85ebca6b);
    this.second = second ^ (second >>> 13);
  }
}

/** Equal tokens under another salt (a tenant, an adapter) share no block. O(tokens), no allocation per token. */
export function hashPrompt(tokens: ArrayLike<number>, blockTokens: number, salt = 0): HashedPrompt {
  const blocks = Math.floor(tokens.length / blockTokens);
  const firstKeys = new Int32Array(blocks);
  const secondKeys = new Int32Array(blocks);
  const chain = new KeyChain(0x2545f491 ^ salt, 0x1b873593 + Math.imul(salt, 31));
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    for (const end = at + blockTokens; at < end; at++) chain.mix(tokens[at] ?? 0);
    firstKeys[block] = chain.first;
    secondKeys[block] = chain.second;
  }
  for (; at < tokens.length; at++) chain.mix(tokens[at] ?? 0);
  return {
    tokens: tokens.length,
    blockTokens,
    firstKeys,
    secondKeys,
    endFirst: chain.first,
    endSecond: chain.second,
  };
}

/** Scrambles two numbers into 32 bits: the seeded choice where a sequence of choices would cost memory. */
export function mixBits(a: number, b: number): number {
  let bits = Math.imul(a ^ 0x3c6ef372, 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 16), 0xc2b2ae35);
  return (bits ^ (bits >>> 15)) >>> 0;
}

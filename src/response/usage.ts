/** Tokens of one request, as its answer tells them; NaN is unknown. */
export interface Usage {
  /** The whole prompt, whatever part of it was cached. */
  readonly promptTokens: number;
  /** Prompt tokens that came from a cache. */
  readonly cachedTokens: number;
  /** Prompt tokens that went into one, where that costs something of its own. */
  readonly cacheWrittenTokens: number;
  /** Generated tokens, over all choices, reasoning included. */
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

export const unknownUsage: Usage = Object.freeze({
  promptTokens: Number.NaN,
  cachedTokens: Number.NaN,
  cacheWrittenTokens: Number.NaN,
  completionTokens: Number.NaN,
  reasoningTokens: Number.NaN,
});

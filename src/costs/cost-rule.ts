/** What a request has cost, by rules of the configuration: counts of its tokens, or an expression over them. */
import type { Usage } from "../response/usage.ts";

/** The counts that a rule may name. */
export const tokenKinds = {
  input: "the whole prompt, cached or not",
  "cached-input": "what of it came from a cache",
  "cache-creation": "what of it went into one",
  output: "all that was generated, reasoning included",
  reasoning: "what of it the client is not shown",
  total: "input and output",
} as const;
export type TokenKind = keyof typeof tokenKinds;

/** What an expression may ask beside the counts. */
export interface Spent {
  readonly usage: Usage;
  /** As the client wrote it; "" when unknown. */
  readonly model: string;
  /** The name of the backend; "" where pods serve. */
  readonly backend: string;
}

export interface CostRule {
  /** Of the metadata. */
  readonly key: string;
  /** As the configuration writes it: a count's name, or the expression. */
  readonly text: string;
  /** Throws where the expression has no value for these counts. */
  cost(spent: Spent): number;
}

export function countRule(key: string, kind: TokenKind): CostRule {
  return { key, text: kind, cost: ({ usage }) => countOf(usage, kind) };
}

/** A count that the answer is silent about is none. */
export function countOf(usage: Usage, kind: TokenKind): number {
  switch (kind) {
    case "input":
      return known(usage.promptTokens);
    case "cached-input":
      return known(usage.cachedTokens);
    case "cache-creation":
      return known(usage.cacheWrittenTokens);
    case "output":
      return known(usage.completionTokens);
    case "reasoning":
      return known(usage.reasoningTokens);
    case "total":
      return known(usage.promptTokens) + known(usage.completionTokens);
    default:
      return kind satisfies never;
  }
}

/** Has the answer told anything of its tokens? */
export function isTold({ promptTokens, completionTokens }: Usage): boolean {
  return !Number.isNaN(promptTokens) || !Number.isNaN(completionTokens);
}

function known(tokens: number): number {
  return Number.isNaN(tokens) ? 0 : tokens;
}

/** One request inside the engine: how far it is computed, what it generated, which blocks it holds. */
import { type HashedPrompt, KeyChain, mixBits } from "./block-keys.ts";

export type FinishReason = "stop" | "length" | "error";

/** What the engine is asked for, and who wants to hear of it. Events come at step ends, in the order of the batch. */
export interface EngineRequest {
  /** Token ids, or the same already hashed with the engine's block size (cheaper when several pods see the prompt). */
  readonly prompt: HashedPrompt | ArrayLike<number>;
  /** Keeps equal prompts of different tenants or adapters apart in the prefix cache. Ignored for a hashed prompt. */
  readonly salt?: number;
  /** The client's cap: generating this many ends with "length". */
  readonly maxTokens: number;
  /** After this many tokens the model would end by itself, with "stop". Never, when left out. */
  readonly answerTokens?: number;
  /** Id of generated token `index`; must depend on nothing else. Left out, the engine's seed decides. */
  readonly outputToken?: (index: number) => number;
  readonly onFirstToken?: (sequence: Sequence) => void;
  /** Also for the first and the last token. */
  readonly onToken?: (sequence: Sequence, index: number) => void;
  readonly onFinished?: (sequence: Sequence, reason: FinishReason) => void;
  readonly onAborted?: (sequence: Sequence) => void;
}

/** arriving: in the API's constant overhead. Only a running sequence holds blocks. */
export type SequenceState = "arriving" | "waiting" | "running" | "finished" | "aborted";

export class Sequence {
  readonly request: EngineRequest;
  readonly prompt: HashedPrompt;
  readonly arrivedAtMs: number;
  /** Tokens it generates before it ends. */
  readonly outputTokens: number;
  state: SequenceState = "arriving";

  /** Tokens known: prompt and generated. The last generated one is computed in the step after it was sampled. */
  tokens: number;
  /** Tokens whose KV is computed, the step under way excluded. */
  computed = 0;
  /** Tokens the step under way computes. */
  scheduled = 0;
  generated = 0;
  /** Up to here it is prefill: after a preemption that includes what was generated. */
  prefillEnd = 0;
  /** Prompt tokens found in the prefix cache at first admission. */
  cachedTokens = 0;
  preemptions = 0;

  scheduledAtMs = Number.NaN;
  firstTokenAtMs = Number.NaN;
  lastTokenAtMs = Number.NaN;
  finishedAtMs = Number.NaN;

  blocks: Int32Array = new Int32Array(0);
  blockCount = 0;
  publishedBlocks = 0;

  readonly #seed: number;
  readonly #chain: KeyChain;
  /** Tokens in the chain; never shrinks, as a recomputed token is the same token. */
  #mixed: number;
  /** Keys of the blocks that contain generated tokens, two lanes each. */
  readonly #outputKeys: number[] = [];

  constructor(request: EngineRequest, prompt: HashedPrompt, arrivedAtMs: number, seed: number) {
    this.request = request;
    this.prompt = prompt;
    this.arrivedAtMs = arrivedAtMs;
    this.outputTokens = Math.max(1, Math.min(request.maxTokens, request.answerTokens ?? Number.POSITIVE_INFINITY));
    this.tokens = prompt.tokens;
    this.#seed = seed;
    this.#chain = new KeyChain(prompt.endFirst, prompt.endSecond);
    this.#mixed = prompt.tokens;
  }

  /** KV tokens it needs at its longest: the last generated token is never computed. */
  get mostTokens(): number {
    return this.prompt.tokens + this.outputTokens - 1;
  }

  get finishReason(): FinishReason {
    return this.outputTokens < this.request.maxTokens ? "stop" : "length";
  }

  firstKey(block: number): number {
    const prompt = this.prompt.firstKeys;
    if (block < prompt.length) return prompt[block] ?? 0;
    this.#extendKeys(block);
    return this.#outputKeys[2 * (block - prompt.length)] ?? 0;
  }

  secondKey(block: number): number {
    const prompt = this.prompt.secondKeys;
    if (block < prompt.length) return prompt[block] ?? 0;
    this.#extendKeys(block);
    return this.#outputKeys[2 * (block - prompt.length) + 1] ?? 0;
  }

  tokenId(index: number): number {
    return this.request.outputToken?.(index) ?? mixBits(this.#seed, index);
  }

  #extendKeys(block: number): void {
    const blockTokens = this.prompt.blockTokens;
    const end = (block + 1) * blockTokens;
    while (this.#mixed < end) {
      this.#chain.mix(this.tokenId(this.#mixed - this.prompt.tokens));
      this.#mixed++;
      if (this.#mixed % blockTokens === 0) this.#outputKeys.push(this.#chain.first, this.#chain.second);
    }
  }
}

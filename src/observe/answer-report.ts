/** What answers told of themselves -> counts of tokens and times, and a word where they told nothing. Called on the hot path. */
import type { AnsweredRequest } from "../ext-proc/stream-host.ts";
import { type Unread, unreadReasons } from "../response/answer-form.ts";
import { type Logger, Once } from "./log.ts";
import type { Instruments } from "./metrics.ts";

export class AnswerReport {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  readonly #tokens: ReturnType<typeof tokenCells>;
  readonly #once = new Once();

  constructor(log: Logger, instruments: Instruments) {
    this.#log = log;
    this.#instruments = instruments;
    this.#tokens = tokenCells(instruments);
  }

  answered({ usage, unread, ttftMs, tpotMs, predictedHit }: AnsweredRequest): void {
    const { promptTokens, cachedTokens, cacheWrittenTokens, completionTokens, reasoningTokens } = usage;
    this.#tokens.prompt.value += known(promptTokens);
    this.#tokens.cached.value += known(cachedTokens);
    this.#tokens.completion.value += known(completionTokens);
    this.#tokens.cacheWritten.value += known(cacheWrittenTokens);
    this.#tokens.reasoning.value += known(reasoningTokens);
    const predictedTokens = predictedHit * promptTokens;
    if (!Number.isNaN(predictedTokens + cachedTokens)) {
      this.#tokens.predictedHit.value += predictedTokens;
      this.#tokens.reportedHit.value += cachedTokens;
      this.#tokens.agreedHit.value += Math.min(predictedTokens, cachedTokens);
    }
    if (unread !== undefined) this.#unread(unread);
    if (!Number.isNaN(ttftMs)) this.#instruments.ttftSeconds.observe(ttftMs / 1000);
    if (!Number.isNaN(tpotMs)) this.#instruments.tpotSeconds.observe(tpotMs / 1000);
  }

  cost(key: string, value: number): void {
    this.#instruments.costs.add({ key }, value);
  }

  costUnknown(key: string, why: string): void {
    this.#instruments.costsUnknown.add({ key });
    this.#once.do(`cost ${key}`, () =>
      this.#log.warn(
        { key, why },
        "a cost's expression had no value for a request: it is not told; said once, counted always",
      ),
    );
  }

  #unread(why: Unread): void {
    this.#instruments.usageUnread.add({ why });
    this.#once.do(why, () =>
      this.#log[why === "encoded" ? "warn" : "info"](
        { why },
        `an answer told no usage: ${unreadReasons[why]}; said once, counted always`,
      ),
    );
  }
}

function tokenCells(instruments: Instruments) {
  return {
    prompt: instruments.promptTokens.cell({}),
    cached: instruments.cachedTokens.cell({}),
    completion: instruments.completionTokens.cell({}),
    cacheWritten: instruments.cacheWrittenTokens.cell({}),
    reasoning: instruments.reasoningTokens.cell({}),
    predictedHit: instruments.prefixHitTokens.cell({ source: "predicted" }),
    reportedHit: instruments.prefixHitTokens.cell({ source: "reported" }),
    agreedHit: instruments.prefixHitTokens.cell({ source: "both" }),
  };
}

/** What is unknown adds nothing. */
function known(tokens: number): number {
  return Number.isNaN(tokens) ? 0 : tokens;
}

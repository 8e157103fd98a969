/** The token counts of one answer as they come in, and what they add up to. The latest word counts. */
import { READINGS, reading } from "./answer-shape.ts";
import { type Usage, unknownUsage } from "./usage.ts";

/** More answers to one request than this are not kept apart. */
const MOST_ANSWERS = 1024;

export class AnswerCounts {
  readonly #latest = new Float64Array(READINGS).fill(Number.NaN);
  /** Of engines that count for each answer of a batch: its own counts, by its number. */
  #own: Map<number, Usage> | undefined;
  /** Answers in the present document so far. */
  #inDocument = 0;
  /** Has the present answer brought a token? */
  #hasOutput = false;
  /** JSON answers that brought a token and came to their end: 1, or most events of a stream. */
  outputs = 0;
  /** Were several answers to one request generated side by side? */
  several = false;

  note(what: number, value: number): void {
    if (what === reading.token) this.#latest[what] = orZero(this.#of(what)) + 1;
    else this.#latest[what] = value;
    if (what === reading.choice || (what === reading.ownCompletion && value > 0)) this.#hasOutput = true;
    if (what === reading.choice && value > 0) this.several = true;
  }

  noteOutput(): void {
    this.#hasOutput = true;
  }

  endAnswer(): void {
    if (this.#hasOutput) this.outputs++;
    this.#hasOutput = false;
    if (known(this.#of(reading.ownPrompt)) || known(this.#of(reading.ownCompletion))) this.#keepOwn();
    this.#inDocument++;
    this.#latest.fill(Number.NaN, reading.ownPrompt, reading.answer + 1);
  }

  endDocument(): void {
    this.#hasOutput = false;
    this.#inDocument = 0;
  }

  usage(): Usage {
    const { prompt, input, completion, cached, cacheRead, cacheWritten, reasoning, total, token } = reading;
    const own = this.#ownTotal();
    const cachedTokens = firstKnown(this.#of(cached), this.#of(cacheRead), own.cachedTokens);
    // Where details are told beside it, `input` is the whole prompt; the other convention leaves the cache out.
    const beside = known(this.#of(cached)) ? 0 : orZero(this.#of(cacheRead)) + orZero(this.#of(cacheWritten));
    const completionTokens = firstKnown(this.#of(completion), own.completionTokens, this.#of(token));
    const rest = this.#of(total) - orZero(completionTokens);
    const promptTokens = firstKnown(this.#of(prompt), this.#of(input) + beside, own.promptTokens, Math.max(rest, 0));
    return {
      promptTokens,
      cachedTokens: Math.min(cachedTokens, promptTokens),
      cacheWrittenTokens: this.#of(cacheWritten),
      completionTokens,
      reasoningTokens: this.#of(reasoning),
    };
  }

  #of(what: number): number {
    return this.#latest[what] ?? Number.NaN;
  }

  #keepOwn(): void {
    this.#own ??= new Map();
    const index = firstKnown(this.#of(reading.answer), this.#inDocument);
    if (index > 0) this.several = true;
    if (this.#own.size >= MOST_ANSWERS && !this.#own.has(index)) return;
    this.#own.set(index, {
      ...unknownUsage,
      promptTokens: this.#of(reading.ownPrompt),
      cachedTokens: this.#of(reading.ownCached),
      completionTokens: this.#of(reading.ownCompletion),
    });
  }

  /** Every answer counts its prompt: the engine has read it as often. */
  #ownTotal(): Usage {
    let [promptTokens, cachedTokens, completionTokens] = [Number.NaN, Number.NaN, Number.NaN];
    for (const own of this.#own?.values() ?? []) {
      promptTokens = plus(promptTokens, own.promptTokens);
      cachedTokens = plus(cachedTokens, own.cachedTokens);
      completionTokens = plus(completionTokens, own.completionTokens);
    }
    return { ...unknownUsage, promptTokens, cachedTokens, completionTokens };
  }
}

function known(value: number): boolean {
  return !Number.isNaN(value);
}

function orZero(value: number): number {
  return known(value) ? value : 0;
}

/** What is unknown adds nothing. */
function plus(total: number, value: number): number {
  return known(value) ? orZero(total) + value : total;
}

function firstKnown(...values: readonly number[]): number {
  return values.find(known) ?? Number.NaN;
}

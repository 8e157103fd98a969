/**
 * The prompt of a completions body -> prompt ranges: a string, an array of token ids, or an array of either. The
 * prompts of a batch run side by side in the engine and mostly share their head, so the first one stands for all in
 * the pick, and the others only add their bytes to the load.
 */

import { OPEN_BRACKET, QUOTE } from "./json-bytes.ts";
import type { PromptRanges } from "./prompt-ranges.ts";
import { BAD, type Visit } from "./scan-json.ts";
import type { ValueReader } from "./value-reader.ts";

const SPACE = 0x20;

export class CompletionPrompt {
  /** Bytes of the batch's other prompts. */
  otherBytes = 0;
  readonly #reader: ValueReader;
  readonly #ranges: PromptRanges;
  #first = true;

  constructor(reader: ValueReader, ranges: PromptRanges) {
    this.#reader = reader;
    this.#ranges = ranges;
  }

  clear(): void {
    this.otherBytes = 0;
    this.#first = true;
  }

  /** The value of `prompt` at `at`; returns the position behind it. In a cut body, what was seen is added. */
  read(at: number): number {
    this.#ranges.truncate(0);
    this.clear();
    const first = this.#reader.byteAt(at);
    if (first === QUOTE) return this.#visitPrompt(at);
    if (first !== OPEN_BRACKET) return this.#reader.skipValue(at);
    const inner = this.#reader.byteAt(this.#reader.skipSpace(at + 1));
    const isBatch = inner === QUOTE || inner === OPEN_BRACKET;
    return isBatch ? this.#reader.elements(at, this.#visitPrompt) : this.#visitPrompt(at);
  }

  readonly #visitPrompt: Visit = (at) => {
    const next = this.#reader.byteAt(at) === OPEN_BRACKET ? this.#takeTokens(at) : this.#reader.take(at);
    const { valueStart, valueEnd } = this.#reader;
    if (this.#first) {
      this.#ranges.beginPart();
      this.#ranges.add(valueStart, valueEnd);
    } else this.otherBytes += valueEnd - valueStart;
    this.#first = false;
    return next;
  };

  /** Without the brackets and the space beside them, so that a longer array of tokens begins with the same bytes. */
  #takeTokens(at: number): number {
    const reader = this.#reader;
    const next = reader.take(at);
    reader.valueStart = reader.skipSpace(at + 1);
    if (next !== BAD) reader.valueEnd--;
    while (reader.valueEnd > reader.valueStart && reader.byteAt(reader.valueEnd - 1) <= SPACE) reader.valueEnd--;
    return next;
  }
}

/**
 * Prompts that are no messages -> prompt ranges: strings, token ids, batches of either, and values as they stand.
 *
 * The prompts of a batch run side by side in the engine and mostly share their head, so the first one stands for all in
 * the pick, and the others only add their bytes to the load.
 */
import type { ContentReader } from "./content-reader.ts";
import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./json-bytes.ts";
import type { PromptRanges } from "./prompt-ranges.ts";
import { BAD, type Visit } from "./scan-json.ts";
import type { ValueReader } from "./value-reader.ts";

const SPACE = 0x20;

/** Reads one value of a body as a part of its prompt. */
export interface PromptReader {
  /** Bytes that count as load and are not in the ranges. */
  readonly otherBytes: number;
  clear(): void;
  /** Returns the position behind the value; reading again replaces what was read. */
  readonly read: Visit;
  addTo(ranges: PromptRanges): void;
}

/** Where a value stands that counts by its last mention; where start is end, nothing else says anything. */
export interface Place {
  start: number;
  end: number;
  /** 0 for a string, as readers mark values. */
  mark: number;
  /** False where the body's end cuts it off. */
  isWhole: boolean;
}

export function noPlace(): Place {
  return { start: 0, end: 0, mark: 0, isWhole: false };
}

/** A value as it stands; what reads the members around it fills the place. */
export class PlacedValue {
  readonly otherBytes = 0;
  readonly #place: Place;
  readonly #label: number;

  constructor(place: Place, label: number) {
    this.#place = place;
    this.#label = label;
  }

  addTo(ranges: PromptRanges): void {
    ranges.beginPart();
    ranges.add(this.#place.start, this.#place.end, this.#label, this.#place.mark);
  }
}

/** Content that stands beside the messages; one part. */
export class PromptContent implements PromptReader {
  readonly otherBytes = 0;
  readonly read: Visit;
  readonly #content: ContentReader;

  constructor(content: ContentReader) {
    this.#content = content;
    this.read = content.read;
  }

  clear(): void {
    this.#content.clear();
  }

  addTo(ranges: PromptRanges): void {
    ranges.beginPart();
    ranges.addContinued(this.#content.ranges);
  }
}

/** A string, an array of token ids, or an array of either. */
export class PromptBatch implements PromptReader {
  otherBytes = 0;
  readonly #reader: ValueReader;
  readonly #label: number;
  readonly #takesObjects: boolean;
  #start = 0;
  #end = 0;
  #mark = 0;
  #isFirst = true;

  constructor(reader: ValueReader, label: number, takesObjects: boolean) {
    this.#reader = reader;
    this.#label = label;
    this.#takesObjects = takesObjects;
  }

  clear(): void {
    this.otherBytes = this.#start = this.#end = 0;
    this.#isFirst = true;
  }

  readonly read: Visit = (at) => {
    this.clear();
    const first = this.#reader.byteAt(at);
    if (first === QUOTE || (first === OPEN_BRACE && this.#takesObjects)) return this.#visitPrompt(at);
    if (first !== OPEN_BRACKET) return this.#reader.skipValue(at);
    const inner = this.#reader.byteAt(this.#reader.skipSpace(at + 1));
    const isBatch = inner === QUOTE || inner === OPEN_BRACKET || inner === OPEN_BRACE;
    return isBatch ? this.#reader.elements(at, this.#visitPrompt) : this.#visitPrompt(at);
  };

  addTo(ranges: PromptRanges): void {
    ranges.beginPart();
    ranges.add(this.#start, this.#end, this.#label, this.#mark);
  }

  readonly #visitPrompt: Visit = (at) => {
    const reader = this.#reader;
    const next = reader.byteAt(at) === OPEN_BRACKET ? this.#takeTokens(at) : reader.take(at);
    if (this.#isFirst) {
      this.#start = reader.valueStart;
      this.#end = reader.valueEnd;
      this.#mark = reader.valueMark;
    } else this.otherBytes += reader.valueEnd - reader.valueStart;
    this.#isFirst = false;
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

/** Collects the byte ranges a prompt consists of, in scratch arrays that the next request reuses. */
import type { Prompt } from "./inference-request.ts";

/** Ranges beyond these are left out: the prompt's head decides the pick. */
export const MAX_RANGES = 32_768;

/** The values of `Prompt.marks`. */
export const CONTINUES = 0;
export const PART = 1;
export const SALT = 2;

export class PromptRanges implements Prompt {
  body: Uint8Array = new Uint8Array(0);
  count = 0;
  readonly starts = new Int32Array(MAX_RANGES);
  readonly ends = new Int32Array(MAX_RANGES);
  readonly marks = new Uint8Array(MAX_RANGES);
  #nextMark = PART;

  /** Forgets all but the first `count` ranges. */
  truncate(count: number): void {
    this.count = count;
  }

  /** The next range begins a new part. */
  beginPart(): void {
    this.#nextMark = PART;
  }

  /** An empty range is none. */
  add(start: number, end: number): void {
    if (start >= end || this.count === MAX_RANGES) return;
    this.#set(this.count++, start, end, this.#nextMark);
    this.#nextMark = CONTINUES;
  }

  /** Puts a part, or the salt, before all that was added. */
  addFirst(start: number, end: number, mark: number): void {
    if (start >= end) return;
    const kept = Math.min(this.count, MAX_RANGES - 1);
    this.starts.copyWithin(1, 0, kept);
    this.ends.copyWithin(1, 0, kept);
    this.marks.copyWithin(1, 0, kept);
    this.count = kept + 1;
    this.#set(0, start, end, mark);
  }

  addAll(others: Prompt): void {
    for (let i = 0; i < others.count; i++) this.add(others.starts[i] as number, others.ends[i] as number);
  }

  bytes(): number {
    let bytes = 0;
    for (let i = 0; i < this.count; i++) bytes += (this.ends[i] as number) - (this.starts[i] as number);
    return bytes;
  }

  #set(at: number, start: number, end: number, mark: number): void {
    this.starts[at] = start;
    this.ends[at] = end;
    this.marks[at] = mark;
  }
}

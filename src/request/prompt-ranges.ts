/** Collects the byte ranges a prompt consists of, in scratch arrays that the next request reuses. */
import type { Prompt } from "./inference-request.ts";

/**
 * Ranges beyond these are left out: the prompt's head decides the pick. Where one range is left out so is all that comes
 * behind, lest two prompts that differ there look alike further on.
 */
export const MAX_RANGES = 32_768;

/**
 * The bits of `Prompt.marks`: PART where a range begins a new part, STRUCTURE where it is no string (7 is not "7"),
 * SPACED where it has space between its tokens, which says nothing; and above them a label for what the range is, so
 * that equal bytes in another place are told apart:
 *
 *   0 text · 1..3 parts caches, no text · 4 name of a member · from 5 a content block's fields · from 32 a message's
 *   fields · from 64 the parts of a prompt that are no messages
 */
export const PART = 1;
export const STRUCTURE = 2;
export const SPACED = 4;
const LABEL_SHIFT = 3;

export const TEXT = 0;
export const NAME = 4;
export const FIRST_BLOCK_LABEL = 5;
export const FIRST_MESSAGE_LABEL = 32;
export const FIRST_PART_LABEL = 64;
/** The marks of ranges that part caches: salts by their place in the API's list, and the adapter. */
const SALT = 1 << LABEL_SHIFT;
const SECOND_SALT = 2 << LABEL_SHIFT;
export const ADAPTER = 3 << LABEL_SHIFT;
export const saltMarks: readonly number[] = [SALT, SECOND_SALT];

/** Is the range no text of the prompt but what parts caches? */
export function partsCaches(mark: number): boolean {
  return mark >= SALT && mark <= ADAPTER;
}

export class PromptRanges implements Prompt {
  body: Uint8Array = new Uint8Array(0);
  count = 0;
  readonly starts = new Int32Array(MAX_RANGES);
  readonly ends = new Int32Array(MAX_RANGES);
  readonly marks = new Uint16Array(MAX_RANGES);
  #nextPart = PART;

  /** Nothing more is taken until it is cleared: of what comes next something was left out. */
  isCut = false;

  clear(): void {
    this.count = 0;
    this.isCut = false;
  }

  cut(): void {
    this.isCut = true;
  }

  /** Forgets all but the first `count` ranges. */
  truncate(count: number): void {
    this.count = count;
  }

  /** The next range begins a new part. */
  beginPart(): void {
    this.#nextPart = PART;
  }

  /** An empty range is none. `kind` is STRUCTURE, with or without SPACED, for what is no string. */
  add(start: number, end: number, label: number = TEXT, kind = 0): void {
    if (this.#set(start, end, (label << LABEL_SHIFT) | kind | this.#nextPart)) this.#nextPart = 0;
  }

  /** What parts caches; before all else. */
  addApart(start: number, end: number, mark: number): void {
    this.#set(start, end, mark);
  }

  /** What they are stays, whether they begin a part is decided here: only the first one does, if the next was to. */
  addContinued(others: PromptRanges): void {
    for (let i = 0; i < others.count; i++) {
      const mark = (others.marks[i]! & ~PART) | this.#nextPart;
      if (this.#set(others.starts[i]!, others.ends[i]!, mark)) this.#nextPart = 0;
    }
    if (others.isCut) this.cut();
  }

  /** With their parts as they are. */
  addParts(others: PromptRanges): void {
    for (let i = 0; i < others.count; i++) this.#set(others.starts[i]!, others.ends[i]!, others.marks[i]!);
    if (others.isCut) this.cut();
  }

  bytes(): number {
    let bytes = 0;
    for (let i = 0; i < this.count; i++) bytes += this.ends[i]! - this.starts[i]!;
    return bytes;
  }

  #set(start: number, end: number, mark: number): boolean {
    const { count } = this;
    if (start >= end || this.isCut) return false;
    if (count === MAX_RANGES) {
      this.cut();
      return false;
    }
    this.starts[count] = start;
    this.ends[count] = end;
    this.marks[count] = mark;
    this.count = count + 1;
    return true;
  }
}

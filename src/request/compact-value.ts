/** Copies a JSON value without the space between its tokens, slice by slice: what is equal but for it becomes equal. */
import { BACKSLASH, QUOTE } from "./json-bytes.ts";

/** A multiple of eight. */
export const SLICE_BYTES = 4096;
const SPACE = 0x20;

export class CompactValue {
  readonly slice = new Uint8Array(SLICE_BYTES);
  /** Where the body has been read to. */
  at = 0;
  #body: Uint8Array = this.slice;
  #end = 0;
  #inString = false;
  #isEscaped = false;

  /** Begins with the value that bytes start..end-1 of the body are; a cut one is fine. */
  open(body: Uint8Array, start: number, end: number): void {
    this.#body = body;
    this.at = start;
    this.#end = end;
    this.#inString = this.#isEscaped = false;
  }

  /** Keeps no body alive. */
  close(): void {
    this.#body = this.slice;
  }

  /** Puts up to `room` bytes into the slice; returns how many. Fewer only where the value ends. */
  fill(room: number): number {
    const { slice } = this;
    const body = this.#body;
    const end = this.#end;
    let { at } = this;
    let inString = this.#inString;
    let isEscaped = this.#isEscaped;
    let length = 0;
    while (at < end && length < room) {
      if (!inString) {
        const byte = body[at++] as number;
        slice[length] = byte;
        // No branch on a single space, which comes behind every few bytes; one on a run, which may be megabytes.
        length += (SPACE - byte) >>> 31;
        inString = byte === QUOTE;
        if (at < end && ((SPACE - byte) | (SPACE - (body[at] as number))) >= 0) at = this.#passSpace(at);
        continue;
      }
      const stop = Math.min(end, at + room - length);
      while (at < stop && inString) {
        const byte = body[at++] as number;
        slice[length++] = byte;
        if (isEscaped) isEscaped = false;
        else if (byte === QUOTE) inString = false;
        else isEscaped = byte === BACKSLASH;
      }
    }
    this.at = at;
    this.#inString = inString;
    this.#isEscaped = isEscaped;
    return length;
  }

  /** Past the space from `at` on. */
  #passSpace(at: number): number {
    const body = this.#body;
    const end = this.#end;
    while (at < end && (body[at] as number) <= SPACE) at++;
    return at;
  }
}

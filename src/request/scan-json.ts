/**
 * A strict JSON scanner over bytes: finds where values end without building them.
 * It accepts what JSON.parse accepts, but for three things: UTF-8 is not checked, containers nested deeper than
 * MAX_DEPTH are refused (the scanner does not recurse, the engines behind us do), and it gives up on a body that is
 * more work than MAX_WORK.
 * Every method takes a position and returns the position behind what it read, or BAD.
 */
import { wordShift, wordsOf } from "./body-words.ts";
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DOT,
  hexDigits,
  isDigit,
  LOWER_E,
  LOWER_U,
  literals,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  QUOTE,
  simpleEscapes,
  stopFlags,
  stops,
  TO_CLOSER,
  ZERO,
} from "./json-bytes.ts";

/** What a method returns when the bytes are not JSON, or end too early. */
export const BAD = -1;
export const MAX_DEPTH = 512;
/**
 * Work done for one body, in escapes passed: this holds one of 32 MB, whatever it is made of, below 100 ms. Plain text
 * costs next to nothing and is not counted; an escape and a whole number in an array are 1, any other value VALUE_WORK,
 * and readers charge what they do beside the scan.
 * Bodies meant to be answered stay far below: it is 131,072 values, or 8 MB of nothing but line ends.
 */
export const MAX_WORK = 4_194_304;
export const VALUE_WORK = 32;

/** What `byteAt` answers behind the end; as an index into a byte set (& 0xff) it is no member. */
const NOTHING = -1;

/** Reads one value of a container at `at`; returns the position behind it, or BAD. */
export type Visit = (at: number) => number;

export class JsonScanner {
  bytes: Uint8Array = new Uint8Array(0);
  end = 0;
  /** The key last read, as it is spelt between its quotes; a visitor reads it before it skips the value. */
  keyStart = 0;
  keyEnd = 0;
  /** How many times there was space between tokens. */
  spaces = 0;
  #words: Int32Array = new Int32Array(0);
  #shift = 0;
  #closed = false;
  #workLeft = MAX_WORK;
  /** The closing byte of each container that is open in the value being skipped. */
  readonly #closers = new Uint8Array(MAX_DEPTH);

  open(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.end = bytes.length;
    this.#words = wordsOf(bytes);
    this.#shift = wordShift(bytes);
    this.#workLeft = MAX_WORK;
    this.spaces = 0;
  }

  /** Was the last BAD that of a body that is too much work? */
  get gaveUp(): boolean {
    return this.#workLeft < 0;
  }

  /** Charges work done beside the scan; false where that is too much. */
  spend(work: number): boolean {
    this.#workLeft -= work;
    return this.#workLeft >= 0;
  }

  byteAt(at: number): number {
    return at < this.end ? this.bytes[at]! : NOTHING;
  }

  skipSpace(at: number): number {
    const { bytes, end } = this;
    const start = at;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
      at++;
    }
    if (at !== start) this.spaces++;
    return at;
  }

  /** `at` is the byte behind the opening quote. One loop, unsplit: most of a body's bytes pass through it. */
  skipString(at: number): number {
    const { bytes, end } = this;
    const words = this.#words;
    const shift = this.#shift;
    for (;;) {
      let index = (at + shift) >> 2;
      let flags = 0;
      if (index < words.length) {
        flags = stopFlags(words[index]!) & (-1 << (((at + shift) & 3) << 3));
        while (flags === 0 && ++index < words.length) flags = stopFlags(words[index]!);
        at = (index << 2) - shift;
      }
      if (flags !== 0) at += (31 - Math.clz32(flags & -flags)) >> 3;
      else while (at < end && stops[bytes[at]!] === 0) at++;
      if (at >= end) return BAD;
      const byte = bytes[at]!;
      if (byte === QUOTE) return at + 1;
      if (byte !== BACKSLASH) return BAD;
      // Escapes come in runs: line ends with indents, text that is no ASCII.
      do {
        if (--this.#workLeft < 0) return BAD;
        if (simpleEscapes[this.byteAt(at + 1) & 0xff] === 1) at += 2;
        else at = this.#skipUnicodeEscape(at + 1);
      } while (at !== BAD && this.byteAt(at) === BACKSLASH);
      if (at === BAD) return BAD;
    }
  }

  /** Any value, however deep, in constant stack. */
  skipValue(at: number): number {
    const closers = this.#closers;
    let depth = 0;
    for (;;) {
      const byte = this.byteAt(at);
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (depth === MAX_DEPTH || this.#isTooMuch()) return BAD;
        const closer = byte + TO_CLOSER;
        at = this.skipSpace(at + 1);
        if (this.byteAt(at) !== closer) {
          closers[depth++] = closer;
          if (closer === CLOSE_BRACE) at = this.#readKey(at);
          if (at === BAD) return BAD;
          continue;
        }
        at++;
      } else if (byte === QUOTE) at = this.skipString(at + 1);
      else if (isDigit(byte) && depth > 0 && closers[depth - 1] === CLOSE_BRACKET) {
        const next = this.#skipWholeNumbers(at);
        if (next !== at) {
          at = next;
          continue;
        }
        at = this.#skipNumber(at);
      } else at = this.#skipScalar(at, byte);
      // A value has ended: so have the containers it was the last of.
      for (;;) {
        if (depth === 0 || at === BAD) return at;
        const closer = closers[depth - 1]!;
        at = this.#skipComma(at, closer);
        if (at === BAD) return BAD;
        if (!this.#closed) break;
        depth--;
      }
    }
  }

  /** Walks the object at `at`: `visit` gets the position of each value. */
  members(at: number, visit: Visit): number {
    return this.#walk(at, OPEN_BRACE + TO_CLOSER, visit);
  }

  /** Walks the array at `at`. */
  elements(at: number, visit: Visit): number {
    return this.#walk(at, OPEN_BRACKET + TO_CLOSER, visit);
  }

  #walk(at: number, closer: number, visit: Visit): number {
    if (this.#isTooMuch()) return BAD;
    at = this.skipSpace(at + 1);
    if (this.byteAt(at) === closer) return at + 1;
    if (closer === CLOSE_BRACE) at = this.#readKey(at);
    while (at !== BAD) {
      at = visit(at);
      if (at === BAD) break;
      at = this.#skipComma(at, closer);
      if (this.#closed) break;
    }
    return at;
  }

  /** Behind a value: to the container's next value (past its key), or past its end, with #closed telling which. */
  #skipComma(at: number, closer: number): number {
    at = this.skipSpace(at);
    const byte = this.byteAt(at);
    this.#closed = byte === closer;
    if (this.#closed) return at + 1;
    if (byte !== COMMA || this.#isTooMuch()) return BAD;
    at = this.skipSpace(at + 1);
    return closer === CLOSE_BRACE ? this.#readKey(at) : at;
  }

  /** A further value has begun. */
  #isTooMuch(): boolean {
    return !this.spend(VALUE_WORK);
  }

  #readKey(at: number): number {
    if (this.byteAt(at) !== QUOTE) return BAD;
    const behind = this.skipString(at + 1);
    if (behind === BAD) return BAD;
    this.keyStart = at + 1;
    this.keyEnd = behind - 1;
    at = this.skipSpace(behind);
    return this.byteAt(at) === COLON ? this.skipSpace(at + 1) : BAD;
  }

  /** `at` is the byte behind the backslash. */
  #skipUnicodeEscape(at: number): number {
    if (this.byteAt(at) !== LOWER_U) return BAD;
    for (let digit = at + 1; digit <= at + 4; digit++) {
      if (hexDigits[this.byteAt(digit) & 0xff] === 0) return BAD;
    }
    return at + 5;
  }

  #skipScalar(at: number, first: number): number {
    if (first === MINUS || isDigit(first)) return this.#skipNumber(at);
    for (const literal of literals) {
      if (literal[0] === first) return this.#skipLiteral(at, literal);
    }
    return BAD;
  }

  #skipLiteral(at: number, literal: Uint8Array): number {
    for (let i = 1; i < literal.length; i++) {
      if (this.byteAt(at + i) !== literal[i]) return BAD;
    }
    return at + literal.length;
  }

  #skipNumber(at: number): number {
    if (this.byteAt(at) === MINUS) at++;
    at = this.byteAt(at) === ZERO ? at + 1 : this.#skipDigits(at);
    if (at !== BAD && this.byteAt(at) === DOT) at = this.#skipDigits(at + 1);
    if (at !== BAD && (this.byteAt(at) | 0x20) === LOWER_E) {
      const sign = this.byteAt(at + 1);
      at = this.#skipDigits(sign === PLUS || sign === MINUS ? at + 2 : at + 1);
    }
    return at;
  }

  /** Past the items of an array that are whole numbers with a comma behind: token ids come by the hundred thousand. */
  #skipWholeNumbers(at: number): number {
    const { bytes, end } = this;
    let workLeft = this.#workLeft;
    let next = at;
    while (next < end && bytes[next] !== ZERO && isDigit(bytes[next]!) && --workLeft >= 0) {
      do next++;
      while (next < end && isDigit(bytes[next]!));
      if (next === end || bytes[next] !== COMMA) break;
      next = at = this.skipSpace(next + 1);
    }
    this.#workLeft = workLeft;
    return at;
  }

  /** At least one. */
  #skipDigits(at: number): number {
    if (!isDigit(this.byteAt(at))) return BAD;
    do at++;
    while (isDigit(this.byteAt(at)));
    return at;
  }
}

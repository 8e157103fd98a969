/**
 * Finds the token counts in JSON as its bytes come by, cut wherever the network cut them. Nothing of the answer is kept:
 * from chunk to chunk go the place in the tree and a key or a number of a few bytes.
 *
 * It judges nothing. Engines write valid JSON; of anything else it takes what looks like a count, or nothing, in one
 * pass and constant memory. A key that is spelt with escapes is passed over, which no engine does.
 */
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  DOT,
  LOWER_E,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  QUOTE,
  ZERO,
} from "../request/json-bytes.ts";
import type { AnswerCounts } from "./answer-counts.ts";
import { LONGEST_KEY, type Place, root } from "./answer-shape.ts";

/** A number of more digits counts no tokens. */
const MOST_DIGITS = 10;

/** What the next byte belongs to; "between" is outside of strings and of numbers that count. */
type Inside = "between" | "text" | "key" | "number";

interface Frame {
  readonly place: Place;
  readonly isObject: boolean;
}

export class UsageScanner {
  readonly #counts: AnswerCounts;
  /** The open containers that lead to counts. */
  readonly #frames: Frame[] = [];
  /** Containers open inside the innermost of them that lead nowhere. */
  #skipped = 0;
  #inside: Inside = "between";
  #escaped = false;
  /** Is the next string of the innermost object a key? */
  #keyNext = false;
  /** The place of the value that comes next; undefined for one that leads nowhere. */
  #next: Place | undefined = root;
  readonly #key = new Uint8Array(LONGEST_KEY);
  #keyLength = 0;
  #number = 0;
  /** Digits read; more than MOST_DIGITS where it is no whole number. */
  #digits = 0;

  constructor(counts: AnswerCounts) {
    this.#counts = counts;
  }

  write(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#inside === "text") at = this.#text(bytes, at, to);
      else if (this.#inside === "between") at = this.#between(bytes, at, to);
      else if (this.#inside === "key") this.#addToKey(bytes[at++] ?? 0);
      else if (this.#addToNumber(bytes[at] ?? 0)) at++;
    }
  }

  /** The document is over, complete or not: the next byte begins another. */
  endDocument(): void {
    this.#frames.length = 0;
    this.#skipped = 0;
    this.#inside = "between";
    this.#escaped = false;
    this.#keyNext = false;
    this.#next = root;
    this.#counts.endDocument();
  }

  #text(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at++;
    }
    while (at < to) {
      const byte = bytes[at++];
      if (byte === QUOTE) {
        this.#inside = "between";
        return at;
      }
      if (byte !== BACKSLASH) continue;
      if (at === to) this.#escaped = true;
      at++;
    }
    return at;
  }

  #between(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.#inside = this.#keyNext && this.#skipped === 0 ? "key" : "text";
        this.#keyLength = 0;
        return at + 1;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte === OPEN_BRACE);
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#close();
      else if (this.#skipped > 0) continue;
      else if (byte === COMMA) this.#toNext();
      else if (this.#next !== undefined && this.#next.reading >= 0 && startsNumber(byte)) {
        this.#inside = "number";
        this.#number = this.#digits = 0;
        return at;
      }
    }
    return to;
  }

  #open(isObject: boolean): void {
    const place = this.#next;
    const leads = place !== undefined && (isObject ? place.members.length > 0 : place.items !== undefined);
    if (this.#skipped > 0 || !leads) {
      this.#skipped++;
      return;
    }
    this.#frames.push({ place, isObject });
    this.#toNext();
  }

  #close(): void {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    const closed = this.#frames.pop();
    if (closed?.isObject === true && closed.place.isAnswer) this.#counts.endAnswer();
    this.#keyNext = false;
    if (this.#frames.length === 0) this.#next = root;
    else this.#next = undefined;
  }

  /** Behind an opening or a comma: an object's next key, an array's next item. */
  #toNext(): void {
    const frame = this.#frames.at(-1);
    this.#keyNext = frame?.isObject === true;
    this.#next = frame === undefined ? root : frame.isObject ? undefined : frame.place.items;
  }

  #addToKey(byte: number): void {
    if (byte === QUOTE && !this.#escaped) {
      this.#inside = "between";
      this.#keyNext = false;
      this.#next = this.#memberOf(this.#frames.at(-1)?.place);
      if (this.#next?.isOutput === true) this.#counts.noteOutput();
      return;
    }
    this.#escaped = byte === BACKSLASH && !this.#escaped;
    if (this.#keyLength < LONGEST_KEY) this.#key[this.#keyLength] = byte;
    this.#keyLength++;
  }

  #memberOf(place: Place | undefined): Place | undefined {
    for (const { key, place: member } of place?.members ?? []) {
      if (key.length === this.#keyLength && this.#keyIs(key)) return member;
    }
    return undefined;
  }

  #keyIs(key: Uint8Array): boolean {
    for (let i = 0; i < key.length; i++) if (this.#key[i] !== key[i]) return false;
    return true;
  }

  /** False where the byte ends the number, and is none of it. Only an ended number counts: a cut one may go on. */
  #addToNumber(byte: number): boolean {
    if (byte >= ZERO && byte <= ZERO + 9) {
      this.#number = this.#number * 10 + byte - ZERO;
      this.#digits++;
      return true;
    }
    if (byte === DOT || (byte | 0x20) === LOWER_E || byte === MINUS || byte === PLUS) {
      this.#digits = MOST_DIGITS + 1;
      return true;
    }
    this.#inside = "between";
    if (this.#digits <= MOST_DIGITS && this.#next !== undefined) this.#counts.note(this.#next.reading, this.#number);
    return false;
  }
}

function startsNumber(byte: number): boolean {
  return (byte >= ZERO && byte <= ZERO + 9) || byte === MINUS;
}

/**
 * Finds where the JSON of an answer names its model, as the bytes come by, cut wherever the network cut them. It judges
 * nothing: of what is no JSON it finds something or nothing, in one pass and constant memory.
 *
 *   every API              model
 *   responses, in a stream response { model }
 *   messages, in a stream  message { model }
 *   batches                the same in each item of a list
 *
 * A key that is spelt with escapes is passed over, which no engine does.
 */
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from "../request/json-bytes.ts";
import type { DocumentScanner } from "../response/event-stream.ts";

/** Positions are in the bytes being written. */
export interface NameListener {
  /** The first byte behind the quote. */
  nameStarts(at: number): void;
  /** The closing quote. */
  nameEnds(at: number): void;
  /** The document ended within the name. */
  nameBroken(): void;
}

/** What a value is by its place: a name, an object that has one, or nothing of interest. */
type Place = "document" | "answer" | "carrier" | "name" | "nothing";

interface Frame {
  readonly place: Place;
  readonly isObject: boolean;
}

const keys: readonly (readonly [bytes: Buffer, inAnswer: Place, inCarrier: Place])[] = [
  [Buffer.from("model"), "name", "name"],
  [Buffer.from("response"), "carrier", "nothing"],
  [Buffer.from("message"), "carrier", "nothing"],
];
const LONGEST_KEY = 8;

type Inside = "between" | "text" | "key" | "name";

export class ModelFinder implements DocumentScanner {
  readonly #listener: NameListener;
  readonly #frames: Frame[] = [];
  /** Containers open inside the innermost of these that lead nowhere. */
  #skipped = 0;
  #inside: Inside = "between";
  #escaped = false;
  #keyNext = false;
  #next: Place = "document";
  readonly #key = Buffer.alloc(LONGEST_KEY);
  #keyLength = 0;

  constructor(listener: NameListener) {
    this.#listener = listener;
  }

  write(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) at = this.#inside === "between" ? this.#between(bytes, at, to) : this.#text(bytes, at, to);
  }

  endDocument(): void {
    if (this.#inside === "name") this.#listener.nameBroken();
    this.#frames.length = 0;
    this.#skipped = 0;
    this.#inside = "between";
    this.#escaped = this.#keyNext = false;
    this.#next = "document";
  }

  /** Up to behind the closing quote of a string of any kind. */
  #text(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE && !this.#escaped) {
        this.#endText(at);
        return at + 1;
      }
      this.#escaped = byte === BACKSLASH && !this.#escaped;
      if (this.#inside !== "key") continue;
      if (this.#keyLength < LONGEST_KEY) this.#key[this.#keyLength] = byte;
      this.#keyLength++;
    }
    return to;
  }

  #endText(at: number): void {
    if (this.#inside === "name") this.#listener.nameEnds(at);
    if (this.#inside === "key") {
      this.#keyNext = false;
      this.#next = this.#placeByKey();
    }
    this.#inside = "between";
  }

  #between(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.#startText(at + 1);
        return at + 1;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte === OPEN_BRACE);
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#close();
      else if (byte === COMMA && this.#skipped === 0) this.#toNext();
    }
    return to;
  }

  #startText(at: number): void {
    const isKey = this.#keyNext && this.#skipped === 0;
    const isName = !isKey && this.#skipped === 0 && this.#next === "name";
    this.#inside = isKey ? "key" : isName ? "name" : "text";
    this.#keyLength = 0;
    if (isName) this.#listener.nameStarts(at);
  }

  #open(isObject: boolean): void {
    const place = this.#next;
    const leads = place === "document" || (isObject && (place === "answer" || place === "carrier"));
    if (this.#skipped > 0 || !leads) {
      this.#skipped++;
      return;
    }
    this.#frames.push({ place: isObject && place === "document" ? "answer" : place, isObject });
    this.#toNext();
  }

  #close(): void {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    this.#frames.pop();
    this.#keyNext = false;
    this.#next = this.#frames.length === 0 ? "document" : "nothing";
  }

  /** Behind an opening or a comma: an object's next key, a list's next item. */
  #toNext(): void {
    const frame = this.#frames.at(-1);
    this.#keyNext = frame?.isObject === true;
    if (frame === undefined) this.#next = "document";
    else this.#next = frame.isObject ? "nothing" : "answer";
  }

  #placeByKey(): Place {
    const found = keys.find(([key]) => key.length === this.#keyLength && key.compare(this.#key, 0, key.length) === 0);
    if (found === undefined) return "nothing";
    return this.#frames.at(-1)?.place === "answer" ? found[1] : found[2];
  }
}

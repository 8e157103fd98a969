/** Reads single values and members by their key, on top of the scanner. */
import { BACKSLASH, LOWER_U, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./json-bytes.ts";
import { SPACED, STRUCTURE } from "./prompt-ranges.ts";
import { BAD, JsonScanner, type Visit } from "./scan-json.ts";

const LOWER_N = 0x6e;
/** Every key we know is shorter. */
const KEY_ROOM = 32;
/** No key we know is longer than this, even with every letter written as an escape of six bytes. */
const LONGEST_KEY = KEY_ROOM * 6;
const LAST_ASCII = 0x7f;

/** A known key and its place among them. */
interface Spelling {
  readonly bytes: Uint8Array;
  readonly index: number;
}

/** What to do with an object's members: a visit per known key (ASCII, without quotes or slashes), and one for all other keys. */
export class MemberTable {
  /** What `find` answers for all other keys. */
  readonly unknown: number;
  /** The known keys by their length. */
  readonly #spellings: readonly (readonly Spelling[])[];
  /** Those of the known keys, then `other`: an index that is always in the array is read several times faster. */
  readonly #visits: readonly Visit[];

  constructor(visits: Readonly<Record<string, Visit>>, other: Visit) {
    const spellings = Object.keys(visits).map((name, index) => ({ bytes: Buffer.from(name), index }));
    this.#spellings = Array.from({ length: KEY_ROOM }, (_, length) =>
      spellings.filter(({ bytes }) => bytes.length === length),
    );
    this.#visits = [...Object.values(visits), other];
    this.unknown = spellings.length;
  }

  visit(index: number): Visit {
    return this.#visits[index] as Visit;
  }

  /** Which known key these bytes spell. */
  find(bytes: Uint8Array, start: number, length: number): number {
    if (length >= KEY_ROOM) return this.unknown;
    const spellings = this.#spellings[length] as readonly Spelling[];
    for (let i = 0; i < spellings.length; i++) {
      const { bytes: spelling, index } = spellings[i] as Spelling;
      let same = 0;
      while (same < length && bytes[start + same] === spelling[same]) same++;
      if (same === length) return index;
    }
    return this.unknown;
  }
}

export class ValueReader extends JsonScanner {
  /** The value last taken: a string without its quotes, null as an empty range, anything else as it stands. */
  valueStart = 0;
  valueEnd = 0;
  /** 0 for a string; STRUCTURE for anything else, with SPACED where there is space between its tokens. */
  valueMark = 0;
  /** Skips a value. */
  readonly skip: Visit = (at) => this.skipValue(at);
  /** A key without its escapes. */
  readonly #plainKey = new Uint8Array(KEY_ROOM);

  /**
   * Skips the value at `at` and notes its range. A string or container that the body's end cuts off, or that breaks
   * inside, is noted up to the body's end: in a cut body that is what was seen of it.
   */
  take(at: number): number {
    const { spaces } = this;
    return this.note(at, this.skipValue(at), spaces);
  }

  /** Notes the value at `at`, which ended before `next`; there were `spaces` spaces before it. */
  note(at: number, next: number, spaces: number): number {
    const first = this.byteAt(at);
    const isString = first === QUOTE;
    this.valueMark = isString ? 0 : this.spaces === spaces ? STRUCTURE : STRUCTURE | SPACED;
    this.valueStart = isString ? at + 1 : at;
    if (next === BAD) {
      const partial = isString || first === OPEN_BRACE || first === OPEN_BRACKET;
      this.valueEnd = partial ? this.end : at;
    } else if (first === LOWER_N) this.valueEnd = at;
    else this.valueEnd = isString ? next - 1 : next;
    return next;
  }

  /** Visits the value at `at` by the key just read. */
  visitMember(table: MemberTable, at: number): number {
    return table.visit(this.#keyIn(table))(at);
  }

  /** The text of a string's range; for short strings only, and once a body, as it is built. */
  textOf(start: number, end: number): string {
    const { buffer, byteOffset } = this.bytes;
    const text = Buffer.from(buffer, byteOffset + start, end - start).toString();
    return this.#hasEscape(start, end) ? (JSON.parse(`"${text}"`) as string) : text;
  }

  /** Nothing is built: a body may hold millions of keys. */
  #keyIn(table: MemberTable): number {
    const { keyStart, keyEnd } = this;
    const index = table.find(this.bytes, keyStart, keyEnd - keyStart);
    if (index !== table.unknown || keyEnd - keyStart > LONGEST_KEY || !this.#hasEscape(keyStart, keyEnd)) return index;
    return table.find(this.#plainKey, 0, this.#unescapeKey());
  }

  #hasEscape(start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      if (this.bytes[at] === BACKSLASH) return true;
    }
    return false;
  }

  /** Writes the key into #plainKey; returns its length, or 0 as soon as it can be no key we know. */
  #unescapeKey(): number {
    let length = 0;
    for (let at = this.keyStart; at < this.keyEnd; at++) {
      let unit = this.byteAt(at);
      if (unit === BACKSLASH) {
        if (this.byteAt(at + 1) !== LOWER_U) return 0;
        unit = this.#hexAt(at + 2);
        at += 5;
      }
      if (unit > LAST_ASCII || length === KEY_ROOM) return 0;
      this.#plainKey[length++] = unit;
    }
    return length;
  }

  /** Four hex digits, known to be such. */
  #hexAt(at: number): number {
    let unit = 0;
    for (let digit = at; digit < at + 4; digit++) {
      const byte = this.byteAt(digit);
      unit = (unit << 4) | ((byte & 0x0f) + (byte >> 6) * 9);
    }
    return unit;
  }
}

/** Reads single values and members by their key, on top of the scanner. */
import { BACKSLASH, BAD, JsonScanner, OPEN_BRACE, OPEN_BRACKET, QUOTE, type Visit } from "./scan-json.ts";

const LOWER_N = 0x6e;
/** No key we know is longer than this, even with every letter written as an escape of six bytes. */
const LONGEST_KEY = 32 * 6;

/** What to do with an object's members: a visit per known key, and one for all other keys. */
export class MemberTable {
  readonly names: readonly string[];
  readonly spellings: readonly Uint8Array[];
  readonly visits: readonly Visit[];
  readonly other: Visit;

  constructor(visits: Readonly<Record<string, Visit>>, other: Visit) {
    this.names = Object.keys(visits);
    this.spellings = this.names.map((name) => Buffer.from(name));
    this.visits = Object.values(visits);
    this.other = other;
  }
}

export class ValueReader extends JsonScanner {
  /** The value last taken: a string without its quotes, null as an empty range, anything else as it stands. */
  valueStart = 0;
  valueEnd = 0;
  /** Skips a value. */
  readonly skip: Visit = (at) => this.skipValue(at);

  /**
   * Skips the value at `at` and notes its range. A string or container that the body's end cuts off, or that breaks
   * inside, is noted up to the body's end: in a cut body that is what was seen of it.
   */
  take(at: number): number {
    const first = this.byteAt(at);
    const next = this.skipValue(at);
    const isString = first === QUOTE;
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
    const index = this.#keyIn(table);
    return (table.visits[index] ?? table.other)(at);
  }

  /** The text of the string last taken; for short strings only, as it is built. */
  takenText(): string {
    return this.#decode(this.valueStart, this.valueEnd);
  }

  /** -1 for a key the table does not know. */
  #keyIn(table: MemberTable): number {
    for (let i = 0; i < table.spellings.length; i++) {
      if (this.#keyIs(table.spellings[i])) return i;
    }
    if (this.keyEnd - this.keyStart > LONGEST_KEY || !this.#hasEscape(this.keyStart, this.keyEnd)) return -1;
    return table.names.indexOf(this.#decode(this.keyStart, this.keyEnd));
  }

  #keyIs(spelling: Uint8Array | undefined): boolean {
    const { bytes, keyStart } = this;
    const length = this.keyEnd - keyStart;
    if (spelling?.length !== length) return false;
    for (let i = 0; i < length; i++) {
      if (bytes[keyStart + i] !== spelling[i]) return false;
    }
    return true;
  }

  #hasEscape(start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      if (this.bytes[at] === BACKSLASH) return true;
    }
    return false;
  }

  #decode(start: number, end: number): string {
    const { buffer, byteOffset } = this.bytes;
    const text = Buffer.from(buffer, byteOffset + start, end - start).toString();
    return this.#hasEscape(start, end) ? (JSON.parse(`"${text}"`) as string) : text;
  }
}

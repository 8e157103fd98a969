/**
 * The members of an object that nobody knows by name: they count by name and value, in the order of their names, so
 * that the order in which a client spells them says nothing. Of one that comes twice the last counts, and null says
 * nothing.
 */
import { MAX_RANGES, NAME, type PromptRanges, TEXT } from "./prompt-ranges.ts";
import { BAD, type Visit } from "./scan-json.ts";
import type { ValueReader } from "./value-reader.ts";

/** Each makes two ranges. */
const MAX_MEMBERS = MAX_RANGES / 2;
/** What a unit of work pays for: bytes of keys compared, and members moved to make place for one. */
const COMPARED_BYTES = 4;
const MOVED_MEMBERS = 128;

interface Member {
  keyStart: number;
  keyEnd: number;
  start: number;
  end: number;
  mark: number;
}

export class OtherMembers {
  /** The first `count` are in use, as they came; the others are kept for the next object. */
  readonly #members: Member[] = [];
  /** Their indexes, by name. */
  readonly #order = new Uint16Array(MAX_MEMBERS);
  #count = 0;
  /** Were there more than are kept? */
  #overflowed = false;
  /** Where the key last searched for has its place, and whether a member of this name is there. */
  #place = 0;
  #isThere = false;
  readonly #reader: ValueReader;

  constructor(reader: ValueReader) {
    this.#reader = reader;
  }

  /** No member that says anything: null says nothing. */
  get isEmpty(): boolean {
    for (let i = 0; i < this.#count; i++) {
      const { start, end } = this.#members[i] as Member;
      if (start < end) return false;
    }
    return !this.#overflowed;
  }

  clear(): void {
    this.#count = 0;
    this.#overflowed = false;
  }

  /** Takes the value at `at` and the key just read. */
  readonly visit: Visit = (at) => {
    const reader = this.#reader;
    const { keyStart, keyEnd } = reader;
    const next = reader.take(at);
    const work = this.#search(keyStart, keyEnd);
    // A null takes no place, so that none that counts can be left out for it.
    if (this.#isThere || reader.valueStart < reader.valueEnd) this.#note(keyStart, keyEnd);
    return reader.spend(work) ? next : BAD;
  };

  /** Where more came than are kept none count, nor does what comes behind: those left out may belong before them. */
  addTo(ranges: PromptRanges): void {
    if (this.#overflowed) ranges.cut();
    for (let i = 0; i < this.#count; i++) {
      const { keyStart, keyEnd, start, end, mark } = this.#members[this.#order[i] as number] as Member;
      if (start === end) continue;
      // A name of nothing would be no range; its quotes, which no name holds, are one.
      const quote = keyStart === keyEnd ? 1 : 0;
      ranges.add(keyStart - quote, keyEnd + quote, NAME);
      ranges.add(start, end, TEXT, mark);
    }
  }

  /** Puts the value just taken where the search for its key ended. */
  #note(keyStart: number, keyEnd: number): void {
    const reader = this.#reader;
    const order = this.#order;
    const place = this.#place;
    const count = this.#count;
    if (!this.#isThere) {
      if (count === MAX_MEMBERS) {
        this.#overflowed = true;
        return;
      }
      order.copyWithin(place + 1, place, count);
      order[place] = this.#count++;
    }
    const index = order[place] as number;
    this.#members[index] ??= { keyStart, keyEnd, start: 0, end: 0, mark: 0 };
    const member = this.#members[index] as Member;
    member.keyStart = keyStart;
    member.keyEnd = keyEnd;
    member.start = reader.valueStart;
    member.end = reader.valueEnd;
    member.mark = reader.valueMark;
  }

  /** Searches for a key by halves; returns the work it took, and takes to note it there. */
  #search(keyStart: number, keyEnd: number): number {
    let compared = 0;
    let low = 0;
    let high = this.#count;
    this.#isThere = false;
    while (low < high && !this.#isThere) {
      const middle = (low + high) >> 1;
      const member = this.#members[this.#order[middle] as number] as Member;
      const same = this.#commonBytes(member, keyStart, keyEnd);
      const order = this.#orderBehind(same, member, keyStart, keyEnd);
      compared += same;
      this.#isThere = order === 0;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    this.#place = high;
    return Math.ceil(compared / COMPARED_BYTES) + Math.floor((this.#count - high) / MOVED_MEMBERS);
  }

  #commonBytes({ keyStart, keyEnd }: Member, start: number, end: number): number {
    const { bytes } = this.#reader;
    const common = Math.min(keyEnd - keyStart, end - start);
    let same = 0;
    while (same < common && bytes[keyStart + same] === bytes[start + same]) same++;
    return same;
  }

  /** Negative where the member comes before the key, of which it has the first `same` bytes; 0 where both are equal. */
  #orderBehind(same: number, { keyStart, keyEnd }: Member, start: number, end: number): number {
    const { bytes } = this.#reader;
    const isPrefix = keyStart + same === keyEnd || start + same === end;
    if (isPrefix) return keyEnd - keyStart - (end - start);
    return (bytes[keyStart + same] as number) - (bytes[start + same] as number);
  }
}

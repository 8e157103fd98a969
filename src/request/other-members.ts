/**
 * The members of an object that nobody knows by name: they count by name and value, in the order of their names, so
 * that the order in which a client spells them says nothing. Of one that comes twice the last counts.
 */
import { MAX_RANGES, NAME, type PromptRanges, TEXT } from "./prompt-ranges.ts";
import type { Visit } from "./scan-json.ts";
import type { ValueReader } from "./value-reader.ts";

/** Members beyond these count as they stand: sorting them all would cost the square of their number. */
const MAX_SORTED = 64;
/** Each makes two ranges. */
const MAX_MEMBERS = MAX_RANGES / 2;

interface Member {
  keyStart: number;
  keyEnd: number;
  start: number;
  end: number;
  mark: number;
}

export class OtherMembers {
  /** The first `count` are in use, the others are kept for the next object. */
  readonly #members: Member[] = [];
  #count = 0;
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
    return true;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Takes the value at `at` and the key just read. */
  readonly visit: Visit = (at) => {
    const reader = this.#reader;
    const { keyStart, keyEnd } = reader;
    const next = reader.take(at);
    const member = this.#memberOf(keyStart, keyEnd);
    if (member === undefined) return next;
    member.keyStart = keyStart;
    member.keyEnd = keyEnd;
    member.start = reader.valueStart;
    member.end = reader.valueEnd;
    member.mark = reader.valueMark;
    return next;
  };

  addTo(ranges: PromptRanges): void {
    for (let i = 0; i < this.#count; i++) {
      const { keyStart, keyEnd, start, end, mark } = this.#members[i] as Member;
      if (start === end) continue;
      ranges.add(keyStart, keyEnd, NAME);
      ranges.add(start, end, TEXT, mark);
    }
  }

  /** The one of this name, or a new one at its place in the order; none where there are too many. */
  #memberOf(keyStart: number, keyEnd: number): Member | undefined {
    const members = this.#members;
    let place = this.#count;
    if (place === MAX_MEMBERS) return undefined;
    while (place > 0 && this.#count < MAX_SORTED) {
      const before = members[place - 1] as Member;
      const order = this.#compare(before, keyStart, keyEnd);
      if (order === 0) return before;
      if (order < 0) break;
      place--;
    }
    const member = members[this.#count] ?? { keyStart, keyEnd, start: 0, end: 0, mark: 0 };
    for (let i = this.#count; i > place; i--) members[i] = members[i - 1] as Member;
    members[place] = member;
    this.#count++;
    return member;
  }

  #compare({ keyStart, keyEnd }: Member, start: number, end: number): number {
    const common = Math.min(keyEnd - keyStart, end - start);
    for (let i = 0; i < common; i++) {
      const difference = this.#reader.byteAt(keyStart + i) - this.#reader.byteAt(start + i);
      if (difference !== 0) return difference;
    }
    return keyEnd - keyStart - (end - start);
  }
}

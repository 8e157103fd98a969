/** The known members of the object being read: where each stands, so that they count in one order however it is spelt. */
import type { PromptRanges } from "./prompt-ranges.ts";
import type { Visit } from "./scan-json.ts";
import type { ValueReader } from "./value-reader.ts";

export class FieldPlaces {
  /** By name. */
  readonly visits: Readonly<Record<string, Visit>>;
  /** Bit i: there is a field i, and it is not empty. */
  seen = 0;
  readonly #reader: ValueReader;
  readonly #firstLabel: number;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #marks: Uint8Array;

  /** At most 31 names, in the order they count; their labels run on from the first. */
  constructor(reader: ValueReader, names: readonly string[], firstLabel: number) {
    this.#reader = reader;
    this.#firstLabel = firstLabel;
    this.#starts = new Int32Array(names.length);
    this.#ends = new Int32Array(names.length);
    this.#marks = new Uint8Array(names.length);
    this.visits = Object.fromEntries(names.map((name, index) => [name, this.#visitField(index)]));
  }

  clear(): void {
    this.seen = 0;
  }

  startOf(index: number): number {
    return this.#starts[index] as number;
  }

  endOf(index: number): number {
    return this.#ends[index] as number;
  }

  /** Is there a string that is not empty? */
  isText(index: number): boolean {
    return (this.seen & (1 << index)) !== 0 && this.#marks[index] === 0;
  }

  /** The seen ones of fields from..to-1. */
  addTo(ranges: PromptRanges, from: number, to: number): void {
    let left = this.seen & ((1 << to) - (1 << from));
    while (left !== 0) {
      const index = 31 - Math.clz32(left & -left);
      left &= left - 1;
      ranges.add(this.startOf(index), this.endOf(index), this.#firstLabel + index, this.#marks[index]);
    }
  }

  #visitField(index: number): Visit {
    const reader = this.#reader;
    const bit = 1 << index;
    return (at) => {
      const next = reader.take(at);
      this.#starts[index] = reader.valueStart;
      this.#ends[index] = reader.valueEnd;
      this.#marks[index] = reader.valueMark;
      this.seen = reader.valueStart < reader.valueEnd ? this.seen | bit : this.seen & ~bit;
      return next;
    };
  }
}

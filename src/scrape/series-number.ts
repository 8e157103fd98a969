/** Makes one number of the series that a metric has on one page. */
import type { Engine, NumberSource } from "./engines.ts";
import type { MetricSpec } from "./metric-spec.ts";
import type { Sample } from "./sample.ts";

/** More engines or models in one pod than this are a page gone wrong: the number is unknown. */
const SERIES_LIMIT = 256;

interface RawMatch {
  readonly label: Buffer;
  readonly value: Buffer;
}

export class SeriesNumber {
  readonly #merge: NumberSource["merge"];
  readonly #where: readonly RawMatch[];
  readonly #numberLabel: Buffer | undefined;
  readonly #rankLabel: Buffer | undefined;
  /** Which engine a value is from, and the value. */
  readonly #keys: number[] = [];
  readonly #values: number[] = [];

  constructor(spec: MetricSpec, merge: NumberSource["merge"], { rankLabel }: Engine) {
    this.#merge = merge;
    this.#where = spec.where.map(({ label, value }) => ({ label: Buffer.from(label), value: Buffer.from(value) }));
    this.#numberLabel = spec.numberLabel === "" ? undefined : Buffer.from(spec.numberLabel);
    this.#rankLabel = rankLabel === "" ? undefined : Buffer.from(rankLabel);
  }

  begin(): void {
    this.#keys.length = 0;
    this.#values.length = 0;
  }

  get seen(): boolean {
    return this.#keys.length > 0;
  }

  /** The same engine again, be it the very series twice or one per tensor-parallel rank: the larger number counts. */
  take(sample: Sample): void {
    if (!this.#selects(sample) || this.#keys.length > SERIES_LIMIT) return;
    const number = possible(this.#numberOf(sample));
    const key = this.#keyOf(sample);
    const at = this.#keys.indexOf(key);
    if (at === -1) {
      this.#keys.push(key);
      this.#values.push(number);
    } else this.#values[at] = Math.max(this.#values[at] ?? Number.NaN, number);
  }

  /** NaN where the page has no usable number. One unusable series makes the whole unknown instead of too small. */
  total(): number {
    const [first = Number.NaN, ...others] = this.#values;
    if (this.#keys.length > SERIES_LIMIT) return Number.NaN;
    if (this.#merge === "first") return first;
    const join = this.#merge === "sum" ? (a: number, b: number) => a + b : Math.max;
    return others.reduce((whole, value) => join(whole, value), first);
  }

  #selects(sample: Sample): boolean {
    for (const { label, value } of this.#where) {
      const fits = sample.find(label) ? sample.foundIs(value) : value.length === 0;
      if (!fits) return false;
    }
    return true;
  }

  #numberOf(sample: Sample): number {
    if (this.#numberLabel === undefined) return sample.value();
    return sample.find(this.#numberLabel) ? sample.foundNumber() : Number.NaN;
  }

  /** Without the label that numbers the engines, every series stands for itself. */
  #keyOf(sample: Sample): number {
    return this.#rankLabel !== undefined && sample.find(this.#rankLabel) ? sample.foundHash() : sample.labelsHash();
  }
}

/** A count or share that cannot be (below zero, infinite, no number) is unknown. */
function possible(number: number): number {
  return number >= 0 && number < Number.POSITIVE_INFINITY ? number : Number.NaN;
}

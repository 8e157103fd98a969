/** The names a page tells in its labels: models, and which LoRA adapters are in use. Decoded once, then recognised. */
import { LONGEST_MODEL } from "../request/inference-request.ts";
import type { LoraSource } from "./engines.ts";
import type { Sample } from "./sample.ts";

/** What is remembered of a pod's labels; beyond it they are decoded again. A thousand usual combinations need half. */
const MEMORY_BYTES = 262_144;
/** What an entry costs beside its text. */
const ENTRY_BYTES = 64;
const NAMES_LIMIT = 1000;
/** Names of one page together, so that they travel and are kept like one long line: a page names few models. */
const NAMES_BYTES = 65_536;

/** What labels say, by their hash, up to a certain amount of text. */
class Decoded<T> {
  readonly #known = new Map<number, T>();
  #bytes = 0;

  get(hash: number, length: number, decode: () => T): T {
    const known = this.#known.get(hash);
    if (known !== undefined) return known;
    const fresh = decode();
    this.#bytes += length + ENTRY_BYTES;
    if (this.#bytes > MEMORY_BYTES) this.clear();
    this.#known.set(hash, fresh);
    return fresh;
  }

  clear(): void {
    this.#known.clear();
    this.#bytes = 0;
  }
}

export interface LoraUse {
  /** Sorted, each once. */
  readonly running: readonly string[];
  readonly waiting: readonly string[];
  /** Adapters the engine holds at once; NaN where it does not say. */
  readonly max: number;
}

export class ModelNames {
  readonly #label: Buffer;
  readonly #decoded = new Decoded<string>();
  #page: string[] = [];
  #pageBytes = 0;

  constructor(label: string) {
    this.#label = Buffer.from(label);
  }

  begin(): void {
    this.#page = [];
    this.#pageBytes = 0;
  }

  /** What no request may ask for is no name. */
  take(sample: Sample): void {
    if (!sample.find(this.#label)) return;
    const { foundLength } = sample;
    if (foundLength === 0 || foundLength > LONGEST_MODEL || this.#page.length === NAMES_LIMIT) return;
    const name = this.#decoded.get(sample.foundHash(), foundLength, () => sample.foundText());
    if (this.#pageBytes + foundLength > NAMES_BYTES || this.#page.includes(name)) return;
    this.#page.push(name);
    this.#pageBytes += foundLength;
  }

  get names(): readonly string[] {
    return this.#page;
  }
}

/** The series with the largest value is the newest; the others are what was true before. */
export class LoraNames {
  readonly #running: Buffer;
  readonly #waiting: Buffer;
  readonly #max: Buffer;
  readonly #decoded = new Decoded<LoraUse>();
  readonly #ever = new Set<string>();
  #newest: LoraUse | undefined;
  #newestValue = Number.NEGATIVE_INFINITY;

  constructor(source: LoraSource) {
    this.#running = Buffer.from(source.running);
    this.#waiting = Buffer.from(source.waiting);
    this.#max = Buffer.from(source.max);
  }

  begin(): void {
    this.#newest = undefined;
    this.#newestValue = Number.NEGATIVE_INFINITY;
  }

  take(sample: Sample): void {
    const value = sample.value();
    const use = this.#decoded.get(sample.labelsHash(), sample.labelsLength, () => this.#decode(sample));
    if (!(value >= this.#newestValue)) return;
    this.#newest = use;
    this.#newestValue = value;
  }

  get use(): LoraUse | undefined {
    return this.#newest;
  }

  /** Every adapter a page has named since `forget`. */
  get ever(): readonly string[] {
    return [...this.#ever].sort();
  }

  /** How many those are: they only ever become more. */
  get everCount(): number {
    return this.#ever.size;
  }

  /** Another process answers now: what was loaded before says nothing. */
  forget(): void {
    this.#decoded.clear();
    this.#ever.clear();
  }

  #decode(sample: Sample): LoraUse {
    const running = namesIn(sample, this.#running);
    const waiting = namesIn(sample, this.#waiting);
    for (const name of [...running, ...waiting]) if (this.#ever.size < NAMES_LIMIT) this.#ever.add(name);
    return { running, waiting, max: sample.find(this.#max) ? sample.foundNumber() : Number.NaN };
  }
}

/** The engine lists them in any order. A line is bounded, and with it what all its names come to. */
function namesIn(sample: Sample, label: Buffer): string[] {
  if (!sample.find(label)) return [];
  const names = sample
    .foundText()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name.length <= LONGEST_MODEL);
  return [...new Set(names)].sort().slice(0, NAMES_LIMIT);
}

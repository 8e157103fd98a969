/** The names a page tells in its labels: models, and which LoRA adapters are in use. Decoded once, then recognised. */
import type { LoraSource } from "./engines.ts";
import type { Sample } from "./sample.ts";

/** What is remembered of labels seen; beyond it they are decoded again. */
const MEMORY_LIMIT = 4096;
const NAMES_LIMIT = 1000;

export interface LoraUse {
  /** Sorted, each once. */
  readonly running: readonly string[];
  readonly waiting: readonly string[];
  /** Adapters the engine holds at once; NaN where it does not say. */
  readonly max: number;
}

export class ModelNames {
  readonly #label: Buffer;
  readonly #decoded = new Map<number, string>();
  #page: string[] = [];

  constructor(label: string) {
    this.#label = Buffer.from(label);
  }

  begin(): void {
    this.#page = [];
  }

  take(sample: Sample): void {
    if (!sample.find(this.#label)) return;
    const hash = sample.foundHash();
    const name = this.#decoded.get(hash) ?? sample.foundText();
    if (this.#decoded.size < MEMORY_LIMIT) this.#decoded.set(hash, name);
    if (name !== "" && this.#page.length < NAMES_LIMIT && !this.#page.includes(name)) this.#page.push(name);
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
  readonly #decoded = new Map<number, LoraUse>();
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
    const hash = sample.labelsHash();
    let use = this.#decoded.get(hash);
    if (use === undefined) {
      use = this.#decode(sample);
      if (this.#decoded.size >= MEMORY_LIMIT) this.#decoded.clear();
      this.#decoded.set(hash, use);
    }
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

/** The engine lists them in any order. */
function namesIn(sample: Sample, label: Buffer): string[] {
  if (!sample.find(label)) return [];
  const names = sample
    .foundText()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return [...new Set(names)].sort().slice(0, NAMES_LIMIT);
}

/** What one page says in the words of one engine. */
import { type Engine, type NumberName, numberNames, readingNames } from "./engines.ts";
import { parseMetricSpec } from "./metric-spec.ts";
import { LoraNames, type LoraUse, ModelNames } from "./page-names.ts";
import type { Sample } from "./sample.ts";
import { SeriesNumber } from "./series-number.ts";

/** What takes the lines of one metric name. */
export interface LineTaker {
  begin(): void;
  take(sample: Sample): void;
}

/** The facts of a page that are no numbers. */
export interface PageTraits {
  /** Name of the engine; "" while it is not known. */
  readonly engine: string;
  readonly models: readonly string[];
  /** undefined: no adapter has been used yet, or the engine does not tell. */
  readonly lora: LoraUse | undefined;
  /** Every adapter named since the pod's process began. */
  readonly adapters: readonly string[];
}

/** A full cache may show as a hair above 1; anything clearly beyond it is no share. */
const SHARE_LIMIT = 1.05;

export class EnginePage {
  readonly engine: Engine;
  /** Metric name -> those who want its lines. */
  readonly wanted = new Map<string, LineTaker[]>();
  /** How many of the three readings the engine is known for. */
  readonly expected: number;
  readonly #numbers: (readonly SeriesNumber[])[];
  readonly #models: ModelNames | undefined;
  readonly #lora: LoraNames | undefined;
  #traits: PageTraits;

  constructor(engine: Engine) {
    this.engine = engine;
    this.expected = readingNames.filter((name) => engine.numbers[name] !== undefined).length;
    this.#numbers = numberNames.map((name) => this.#sources(name));
    const modelName = engine.modelName === undefined ? undefined : parseMetricSpec(engine.modelName);
    this.#models = modelName && this.#want(modelName.name, new ModelNames(modelName.numberLabel));
    this.#lora = engine.lora && this.#want(engine.lora.metric, new LoraNames(engine.lora));
    this.#traits = { engine: engine.name, models: [], lora: undefined, adapters: [] };
  }

  begin(): void {
    for (const takers of this.wanted.values()) for (const taker of takers) taker.begin();
  }

  /** Writes the page's numbers, in the order of numberNames. */
  fill(numbers: Float64Array): void {
    for (const [i, sources] of this.#numbers.entries()) {
      numbers[i] = sources.find(({ seen }) => seen)?.total() ?? Number.NaN;
    }
    const share = readingNames.indexOf("kvUsage");
    const kvUsage = numbers[share] ?? Number.NaN;
    numbers[share] = kvUsage > SHARE_LIMIT ? Number.NaN : Math.min(kvUsage, 1);
  }

  /** The same object as long as nothing changes. */
  traits(): PageTraits {
    const before = this.#traits;
    const models = this.#models?.names ?? [];
    const lora = this.#lora?.use;
    const adapterCount = this.#lora?.everCount ?? 0;
    if (sameNames(before.models, models) && sameUse(before.lora, lora) && before.adapters.length === adapterCount) {
      return before;
    }
    this.#traits = Object.freeze({ engine: this.engine.name, models, lora, adapters: this.#lora?.ever ?? [] });
    return this.#traits;
  }

  /** The pod's process has been replaced. */
  forget(): void {
    this.#lora?.forget();
    this.#traits = Object.freeze({ ...this.#traits, adapters: [] });
  }

  #sources(name: NumberName): SeriesNumber[] {
    const source = this.engine.numbers[name];
    if (source === undefined) return [];
    const specs = source.metrics.map(parseMetricSpec).filter((spec) => spec !== undefined);
    return specs.map((spec) => this.#want(spec.name, new SeriesNumber(spec, source.merge, this.engine)));
  }

  #want<T extends LineTaker>(metric: string, taker: T): T {
    const takers = this.wanted.get(metric);
    if (takers === undefined) this.wanted.set(metric, [taker]);
    else takers.push(taker);
    return taker;
  }
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i]);
}

function sameUse(one: LoraUse | undefined, other: LoraUse | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  return (
    sameNames(one.running, other.running) && sameNames(one.waiting, other.waiting) && Object.is(one.max, other.max)
  );
}

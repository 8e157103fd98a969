/** What a pod's metrics page tells beside the columns: for the prefix index, adapters, reports and learning. */
import type { PageTraits } from "./engine-page.ts";
import { factNames, readingNames } from "./engines.ts";

export interface LoraFacts {
  readonly running: ReadonlySet<string>;
  readonly waiting: ReadonlySet<string>;
  /** Adapters the engine holds at once; NaN where it does not say. */
  readonly max: number;
}

/**
 * As of the last good page, whose age `Scraper.ageMs` tells. Counters count since the pod's process began. A number the
 * pod has not told is NaN.
 */
export interface PodFacts {
  /** Name of the engine, as in engines.ts; "" until a page was read. */
  readonly engine: string;
  /** Models named in labels. */
  readonly models: readonly string[];
  /** undefined: no adapter has been used yet, or the engine does not tell. */
  readonly lora: LoraFacts | undefined;
  /** Tokens in a KV block, and blocks in all of the pod's engines. */
  readonly blockTokens: number;
  readonly blocks: number;
  /** Unix time at which the pod's process began. */
  readonly startedAtSeconds: number;
  readonly promptTokens: number;
  readonly generationTokens: number;
  /** Prompt tokens looked up in the prefix cache, and found there. */
  readonly prefixQueries: number;
  readonly prefixHits: number;
  /** Sum and count of the times to first token. */
  readonly ttftSeconds: number;
  readonly ttftCount: number;
}

type FactNumbers = { -readonly [N in (typeof factNames)[number]]: number };

/** One per pod, kept up to date in place; names are replaced as a whole when they change. */
export class LiveFacts implements PodFacts, FactNumbers {
  engine = "";
  models: readonly string[] = [];
  lora: LoraFacts | undefined;
  blockTokens = Number.NaN;
  blocks = Number.NaN;
  startedAtSeconds = Number.NaN;
  promptTokens = Number.NaN;
  generationTokens = Number.NaN;
  prefixQueries = Number.NaN;
  prefixHits = Number.NaN;
  ttftSeconds = Number.NaN;
  ttftCount = Number.NaN;

  /** `numbers` in the order of numberNames. */
  takeNumbers(numbers: Float64Array): void {
    for (const [i, name] of factNames.entries()) {
      const number = numbers[readingNames.length + i] ?? Number.NaN;
      if (!Number.isNaN(number)) this[name] = number;
    }
  }

  takeTraits({ engine, models, lora }: PageTraits): void {
    this.engine = engine;
    this.models = models;
    this.lora = lora && { running: new Set(lora.running), waiting: new Set(lora.waiting), max: lora.max };
  }
}

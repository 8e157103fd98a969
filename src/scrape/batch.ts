/** What a scraping worker posts, and how it is read on the other side. */
import type { ModelEntry, ModelList } from "../pods/served-models.ts";
import type { PageTraits } from "./engine-page.ts";
import { numberNames } from "./engines.ts";
import { scrapeOutcomes } from "./scrape-outcome.ts";
import type { WorkEvents } from "./scrape-work.ts";

/** A result: id, outcome, seconds, startedAtMs, then the page's numbers. */
const HEAD = 4;
export const RESULT_NUMBERS = HEAD + numberNames.length;

/** A list of models goes over once, in parts: entries as JSON, to be joined until the last. Pods then name the list. */
export interface ListPart {
  readonly list: number;
  readonly entries: string;
}

interface PodNews {
  readonly id: number;
  readonly traits?: PageTraits;
  readonly detail?: string;
  readonly models?: { readonly kind: ModelList["kind"]; readonly list: number };
}

export interface Batch {
  readonly results: Float64Array;
  /** Pairs of a pod's id and 1 or 0. */
  readonly reached: Float64Array;
  /** By the number of the outcome: how many results were overtaken; empty where none was. */
  readonly overtaken: Float64Array;
  /** Lists that no pod names any more. */
  readonly forgotten: readonly number[];
  readonly parts: readonly ListPart[];
  readonly news: readonly PodNews[];
}

/** One per worker: lists whose parts are on their way are kept here, and those that pods may yet name. */
export class BatchReader {
  readonly #events: WorkEvents;
  readonly #lists = new Map<number, ModelEntry[]>();

  constructor(events: WorkEvents) {
    this.#events = events;
  }

  read({ results, reached, overtaken, forgotten, parts, news }: Batch): void {
    for (const list of forgotten) this.#lists.delete(list);
    for (const part of parts) this.#readPart(part);
    for (const one of news) this.#readNews(one);
    for (let at = 0; at + 1 < reached.length; at += 2) this.#events.reached(reached[at] ?? 0, reached[at + 1] === 1);
    for (const [i, count] of overtaken.entries()) {
      const outcome = scrapeOutcomes[i];
      if (count > 0 && outcome !== undefined) this.#events.overtaken(outcome, count);
    }
    for (let at = 0; at + RESULT_NUMBERS <= results.length; at += RESULT_NUMBERS) {
      const [id = 0, outcome = 0, seconds = 0, startedAtMs = 0] = results.subarray(at, at + HEAD);
      const numbers = results.subarray(at + HEAD, at + RESULT_NUMBERS);
      this.#events.scraped(id, { outcome: scrapeOutcomes[outcome] ?? "fault", seconds, startedAtMs, numbers });
    }
  }

  #readPart({ list, entries }: ListPart): void {
    const whole = this.#lists.get(list) ?? [];
    for (const entry of JSON.parse(entries) as ModelEntry[]) whole.push(entry);
    this.#lists.set(list, whole);
  }

  #readNews({ id, traits, detail, models }: PodNews): void {
    if (traits !== undefined) this.#events.traits(id, traits);
    if (detail !== undefined) this.#events.detail(id, detail);
    if (models !== undefined) {
      this.#events.models(id, { kind: models.kind, entries: this.#lists.get(models.list) ?? [] });
    }
  }
}

/**
 * What a worker has to say, in batches: numbers in one array, names only when they change, and never so much at once
 * that reading it holds up the other thread. The next batch goes out when the one before has been read.
 */
import type { ModelEntry, ModelList } from "../pods/served-models.ts";
import type { PageTraits } from "./engine-page.ts";
import { numberNames } from "./engines.ts";
import { scrapeOutcomes } from "./scrape-outcome.ts";
import type { ScrapeResult, WorkEvents } from "./scrape-work.ts";

/** id, outcome, answered, seconds, startedAtMs, then the page's numbers. */
const HEAD = 5;
const STRIDE = HEAD + numberNames.length;
/** 64 results take a listener some 0.2 ms. */
const BATCH_RESULTS = 64;
/** Text is parsed at some 100 bytes a microsecond; a larger entry loses all but its id. */
const BATCH_TEXT = 16_384;
/** Results of the moment travel together, and none waits so long that it would matter. */
const FLUSH_MS = 10;

/** A list of models comes in parts: entries as JSON, to be joined until the last. */
interface ModelsPart {
  readonly id: number;
  readonly kind: ModelList["kind"];
  readonly entries: string;
  readonly last: boolean;
}

interface TraitsNews {
  readonly id: number;
  readonly traits: PageTraits;
}

type News = ModelsPart | TraitsNews;

export interface Batch {
  readonly results: Float64Array;
  readonly news: readonly News[];
}

export class Outbox implements WorkEvents {
  readonly #post: (batch: Batch) => void;
  readonly #after: (ms: number, run: () => void) => unknown;
  #results: number[] = [];
  #news: { readonly news: News; readonly size: number }[] = [];
  /** A flush is due, or a batch is on its way. */
  #waiting = false;

  constructor(post: (batch: Batch) => void, after: (ms: number, run: () => void) => unknown) {
    this.#post = post;
    this.#after = after;
  }

  scraped(id: number, { outcome, answered, seconds, startedAtMs, numbers }: ScrapeResult): void {
    this.#results.push(id, scrapeOutcomes.indexOf(outcome), answered ? 1 : 0, seconds, startedAtMs, ...numbers);
    this.#schedule();
  }

  traits(id: number, traits: PageTraits): void {
    // Whoever puts lists of models together is on this side; there may be a thousand adapters.
    const short = { ...traits, adapters: [] };
    this.#news.push({ news: { id, traits: short }, size: JSON.stringify(short).length });
    this.#schedule();
  }

  models(id: number, { kind, entries }: ModelList): void {
    const parts = partsOf(entries);
    for (const [i, part] of parts.entries()) {
      this.#news.push({ news: { id, kind, entries: part, last: i === parts.length - 1 }, size: part.length });
    }
    this.#schedule();
  }

  /** A worker that fails says so by its end. */
  failed(): void {}

  /** The batch sent last has been read. */
  acknowledged(): void {
    this.#waiting = false;
    if (this.#results.length > 0 || this.#news.length > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#after(FLUSH_MS, () => this.#flush());
  }

  #flush(): void {
    let size = 0;
    let count = 0;
    for (const { size: own } of this.#news) {
      if (count > 0 && size + own > BATCH_TEXT) break;
      size += own;
      count++;
    }
    const news = this.#news.splice(0, count).map(({ news: one }) => one);
    const results = Float64Array.from(this.#results.splice(0, BATCH_RESULTS * STRIDE));
    this.#post({ results, news });
  }
}

/** Tells a batch's news, then its results. Lists of models that are not complete yet are kept in `pending`. */
export function readBatch({ results, news }: Batch, pending: Map<number, ModelEntry[]>, events: WorkEvents): void {
  for (const one of news) {
    if ("traits" in one) events.traits(one.id, one.traits);
    else readModels(one, pending, events);
  }
  for (let at = 0; at + STRIDE <= results.length; at += STRIDE) {
    const [id = 0, outcome = 0, answered = 0, seconds = 0, startedAtMs = 0] = results.subarray(at, at + HEAD);
    events.scraped(id, {
      outcome: scrapeOutcomes[outcome] ?? "fault",
      answered: answered === 1,
      seconds,
      startedAtMs,
      numbers: results.subarray(at + HEAD, at + STRIDE),
    });
  }
}

function readModels({ id, kind, entries, last }: ModelsPart, pending: Map<number, ModelEntry[]>, events: WorkEvents) {
  const whole = pending.get(id) ?? [];
  for (const entry of JSON.parse(entries) as ModelEntry[]) whole.push(entry);
  if (!last) pending.set(id, whole);
  else {
    pending.delete(id);
    events.models(id, { kind, entries: whole });
  }
}

function partsOf(entries: readonly ModelEntry[]): string[] {
  const parts: string[] = [];
  let open: string[] = [];
  let size = 0;
  for (const entry of entries) {
    const whole = JSON.stringify(entry);
    const text = whole.length > BATCH_TEXT ? JSON.stringify({ id: entry.id }) : whole;
    if (open.length > 0 && size + text.length > BATCH_TEXT) {
      parts.push(`[${open.join()}]`);
      open = [];
      size = 0;
    }
    open.push(text);
    size += text.length;
  }
  return [...parts, `[${open.join()}]`];
}

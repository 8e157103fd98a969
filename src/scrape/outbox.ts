/**
 * What a worker has to say, in batches that take the other thread less than a millisecond each; the next goes out when
 * the one before has been read. What waits is replaced by what is newer, so that a reader who falls behind still reads
 * the present, and what waits is never more than a little per pod.
 */
import type { ModelList } from "../pods/served-models.ts";
import { type Batch, RESULT_NUMBERS } from "./batch.ts";
import type { PageTraits } from "./engine-page.ts";
import { ListShelf } from "./list-shelf.ts";
import { isRead, type ScrapeOutcome, scrapeOutcomes } from "./scrape-outcome.ts";
import type { ScrapeResult, WorkEvents } from "./scrape-work.ts";

/** 64 results take a listener some 0.2 ms. */
const BATCH_RESULTS = 64;
/** Of names and details in a batch; the news of one pod is bounded where it is read. */
const NEWS_BYTES = 16_384;
/** What taking over a list that is there already costs the listener, as if it were text. */
const LIST_BYTES = 1024;
/** Results of the moment travel together, and none waits so long that it would matter. */
const FLUSH_MS = 10;
/** While there is more than fits, so that the listener is busy a quarter of its time at most. */
const BACKLOG_MS = 2;

/** A pod's results that wait: its last page, and what failed since. */
interface Waiting {
  readonly outcome: ScrapeOutcome;
  readonly numbers: readonly number[];
}

interface PodNews {
  traits?: PageTraits;
  detail?: string;
  models?: { readonly kind: ModelList["kind"]; readonly list: number };
}

export class Outbox implements WorkEvents {
  readonly #post: (batch: Batch) => void;
  readonly #after: (ms: number, run: () => void) => unknown;
  readonly #results = new Map<number, readonly Waiting[]>();
  readonly #overtaken = new Map<ScrapeOutcome, number>();
  readonly #reached = new Map<number, boolean>();
  readonly #news = new Map<number, PodNews>();
  readonly #lists = new ListShelf();
  /** A flush is due, or a batch is on its way. */
  #waiting = false;

  constructor(post: (batch: Batch) => void, after: (ms: number, run: () => void) => unknown) {
    this.#post = post;
    this.#after = after;
  }

  /** A page says more than any older one, a failure no more than that it failed: a page that waits outlives it. */
  scraped(id: number, { outcome, seconds, startedAtMs, numbers }: ScrapeResult): void {
    const before = this.#results.get(id) ?? [];
    const kept = isRead(outcome) ? [] : before.filter((one) => isRead(one.outcome));
    for (const one of before) if (!kept.includes(one)) this.overtaken(one.outcome, 1);
    const result = { outcome, numbers: [id, scrapeOutcomes.indexOf(outcome), seconds, startedAtMs, ...numbers] };
    this.#results.set(id, [...kept, result]);
    this.#schedule(FLUSH_MS);
  }

  overtaken(outcome: ScrapeOutcome, count: number): void {
    this.#overtaken.set(outcome, (this.#overtaken.get(outcome) ?? 0) + count);
  }

  reached(id: number, is: boolean): void {
    this.#reached.set(id, is);
    this.#schedule(FLUSH_MS);
  }

  traits(id: number, traits: PageTraits): void {
    // Whoever puts lists of models together is on this side; there may be a thousand adapters.
    this.#newsOf(id).traits = { ...traits, adapters: [] };
  }

  detail(id: number, detail: string): void {
    this.#newsOf(id).detail = detail;
  }

  models(id: number, { kind, entries }: ModelList): void {
    this.#newsOf(id).models = { kind, list: this.#lists.put(id, entries) };
  }

  /** Nothing is told of this pod any more; how its scrapes ended counts. */
  drop(id: number): void {
    for (const { outcome } of this.#results.get(id) ?? []) this.overtaken(outcome, 1);
    this.#results.delete(id);
    this.#reached.delete(id);
    this.#news.delete(id);
    this.#lists.drop(id);
  }

  /** A worker that fails says so by its end. */
  failed(): void {}

  /** The batch sent last has been read. */
  acknowledged(): void {
    this.#waiting = false;
    const isBacklog = this.#news.size > 0 || this.#lists.hasUnsent || this.#results.size > BATCH_RESULTS;
    if (isBacklog) this.#schedule(BACKLOG_MS);
    else if (this.#results.size > 0 || this.#reached.size > 0 || this.#overtaken.size > 0) this.#schedule(FLUSH_MS);
  }

  #newsOf(id: number): PodNews {
    const news = this.#news.get(id) ?? {};
    this.#news.set(id, news);
    this.#schedule(FLUSH_MS);
    return news;
  }

  #schedule(ms: number): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#after(ms, () => this.#flush());
  }

  #flush(): void {
    const parts = this.#lists.takeParts();
    this.#post({
      results: this.#takeResults(),
      reached: Float64Array.from([...this.#reached].flatMap(([id, is]) => [id, is ? 1 : 0])),
      overtaken: this.#takeOvertaken(),
      forgotten: this.#lists.takeForgotten(),
      parts,
      news: this.#takeNews(),
    });
    this.#reached.clear();
  }

  /** The pod that has waited longest first. */
  #takeResults(): Float64Array {
    const taken: number[] = [];
    for (const [id, results] of this.#results) {
      if (taken.length + results.length * RESULT_NUMBERS > BATCH_RESULTS * RESULT_NUMBERS) break;
      for (const { numbers } of results) taken.push(...numbers);
      this.#results.delete(id);
    }
    return Float64Array.from(taken);
  }

  #takeOvertaken(): Float64Array {
    if (this.#overtaken.size === 0) return new Float64Array(0);
    const counts = Float64Array.from(scrapeOutcomes, (outcome) => this.#overtaken.get(outcome) ?? 0);
    this.#overtaken.clear();
    return counts;
  }

  /** A pod whose list has not gone over in full is told of later, in all its news. */
  #takeNews(): Batch["news"] {
    const taken: Batch["news"][number][] = [];
    let size = 0;
    for (const [id, news] of this.#news) {
      const { traits, detail, models } = news;
      const isReady = models !== undefined && this.#lists.isSent(models.list);
      const text = JSON.stringify([traits, detail]).length + (isReady ? LIST_BYTES : 0);
      if (taken.length > 0 && size + text > NEWS_BYTES) break;
      if (models === undefined || isReady) this.#news.delete(id);
      else if (traits === undefined && detail === undefined) continue;
      else this.#news.set(id, { models });
      size += text;
      taken.push({
        id,
        ...(traits !== undefined && { traits }),
        ...(detail !== undefined && { detail }),
        ...(models !== undefined && isReady && { models }),
      });
    }
    return taken;
  }
}

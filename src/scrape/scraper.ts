/**
 * Keeps the readings of every watched pod fresh, and forgets them when they grow old. Pods are asked elsewhere: in a
 * worker thread, unless told otherwise. What grows old is seen to here, so that nothing stale survives a dead worker.
 */
import { isDeepStrictEqual } from "node:util";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { ModelList } from "../pods/served-models.ts";
import { readingNames } from "./engines.ts";
import { extraColumns, writeExtras } from "./extra-columns.ts";
import { LiveFacts, type PodFacts } from "./pod-facts.ts";
import { RestartWatch } from "./restart-watch.ts";
import { originsOf, type ScrapeOptions } from "./scrape-options.ts";
import { isRead, type ScrapeOutcome } from "./scrape-outcome.ts";
import { ScrapeThread } from "./scrape-thread.ts";
import type { ScrapeResult, ScrapeWork, StartWork, WorkEvents } from "./scrape-work.ts";
import { SilentPods } from "./silent-pods.ts";

export type { PodFacts } from "./pod-facts.ts";
export { type GivenScrapeOptions, type ScrapeOptions, scrapeOptions } from "./scrape-options.ts";
export { outcomeMeanings, type ScrapeOutcome } from "./scrape-outcome.ts";

export interface ScrapeEvents {
  /**
   * A scrape ended; the table has its readings. `load` is waiting + running, NaN where one is unknown, so also without
   * a new page; `startedAtMs` is on the clock the scraper was given; `detail` says what was asked and what came of it
   * where the outcome is not ok.
   */
  scraped(pod: Pod, outcome: ScrapeOutcome, seconds: number, load: number, startedAtMs: number, detail: string): void;
  /** So many scrapes ended of which nothing more is told: newer ones of the same pods came before that. */
  overtaken(outcome: ScrapeOutcome, count: number): void;
  /** What the pod says of its models has changed. */
  models(pod: Pod, list: ModelList): void;
  /** Another process answers at the pod's address: caches and counters began anew. */
  restarted(pod: Pod): void;
  /** The scraping thread died and is started again by itself; until then no reading comes. */
  workerFailed(problem: string): void;
}

export interface ScraperParts {
  readonly table: PodTable;
  readonly events: ScrapeEvents;
  /** Milliseconds that never go back. */
  now(): number;
  /** Uniform in 0..1. */
  random(): number;
  /** Who asks; default: a worker thread. */
  readonly startWork?: StartWork;
  /** Runs `run` once after `ms`; the answer takes it back. Default: an unref'd timer. */
  readonly after?: (ms: number, run: () => void) => () => void;
}

/** A watched pod and what is known of its readings. */
class Watch {
  readonly id: number;
  readonly pod: Pod;
  options: ScrapeOptions;
  readonly facts = new LiveFacts();
  readonly restarts = new RestartWatch();
  detail = "";
  /** When the last good page was complete. */
  readAtMs = Number.NaN;
  /** When what it said becomes unknown. */
  staleAtMs = Number.POSITIVE_INFINITY;

  constructor(id: number, pod: Pod, options: ScrapeOptions) {
    this.id = id;
    this.pod = pod;
    this.options = options;
  }

  /** Is the page at the port that requests go to? */
  get atOwnPort(): boolean {
    const { metrics, models } = originsOf(this.pod.address, this.options);
    return metrics === models;
  }
}

export class Scraper {
  readonly #parts: ScraperParts;
  readonly #after: NonNullable<ScraperParts["after"]>;
  readonly #work: ScrapeWork;
  readonly #byPod = new Map<Pod, Watch>();
  readonly #byId = new Map<number, Watch>();
  readonly #silent: SilentPods;
  #nextId = 1;
  #expiryAtMs = Number.POSITIVE_INFINITY;
  #cancelExpiry = (): void => undefined;
  #stopped = false;

  constructor(parts: ScraperParts) {
    this.#parts = parts;
    this.#after = parts.after ?? afterUnref;
    this.#silent = new SilentPods(parts.table);
    const startWork = parts.startWork ?? ((work) => new ScrapeThread(work));
    this.#work = startWork({ events: this.#events(), now: () => parts.now(), random: () => parts.random() });
    parts.table.onLeave((pod) => this.#drop(pod));
  }

  /** Scrapes pods that joined, at once and then on and on; those already watched or gone are passed over. */
  watch(pods: readonly Pod[], options: ScrapeOptions): void {
    if (this.#stopped) return;
    const { table } = this.#parts;
    const fresh = pods.filter((pod) => !this.#byPod.has(pod) && table.isCurrent(pod.slot, pod.generation));
    const watches = fresh.map((pod) => new Watch(this.#nextId++, pod, options));
    for (const watch of watches) {
      this.#byPod.set(watch.pod, watch);
      this.#byId.set(watch.id, watch);
      this.#silent.watch(watch.pod, options);
    }
    const addresses = watches.map(({ id, pod }) => ({ id, address: pod.address }));
    if (addresses.length > 0) this.#work.watch(addresses, options);
  }

  /** Asks these pods in another way from now on; what is known of them stays. Those asked in this way are passed over. */
  rewatch(pods: readonly Pod[], options: ScrapeOptions): void {
    const watches = pods.map((pod) => this.#byPod.get(pod)).filter((watch) => watch !== undefined);
    const changed = watches.filter((watch) => !isDeepStrictEqual(watch.options, options));
    for (const watch of changed) {
      watch.options = options;
      this.#work.drop(watch.id);
      this.#silent.drop(watch.pod);
      this.#silent.watch(watch.pod, options);
    }
    const addresses = changed.map(({ id, pod }) => ({ id, address: pod.address }));
    if (addresses.length > 0) this.#work.watch(addresses, options);
  }

  /** Of the pod's last good page; NaN before the first. */
  ageMs(pod: Pod): number {
    return this.#parts.now() - (this.#byPod.get(pod)?.readAtMs ?? Number.NaN);
  }

  /** undefined: not a pod that is watched. */
  facts(pod: Pod): PodFacts | undefined {
    return this.#byPod.get(pod)?.facts;
  }

  /** Resolves when every connection is closed. Nothing is told afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelExpiry();
    this.#byPod.clear();
    this.#byId.clear();
    await this.#work.stop();
  }

  #drop(pod: Pod): void {
    const watch = this.#byPod.get(pod);
    if (watch === undefined) return;
    this.#byPod.delete(pod);
    this.#byId.delete(watch.id);
    this.#silent.drop(pod);
    this.#work.drop(watch.id);
  }

  /** News of pods that were dropped meanwhile is no news. */
  #events(): WorkEvents {
    const { events } = this.#parts;
    const about = (id: number, tell: (watch: Watch) => void) => {
      const watch = this.#byId.get(id);
      if (watch !== undefined) tell(watch);
    };
    return {
      scraped: (id, result) => about(id, (watch) => this.#scraped(watch, result)),
      reached: (id, is) => about(id, ({ pod }) => this.#silent.reached(pod, is)),
      overtaken: (outcome, count) => events.overtaken(outcome, count),
      traits: (id, traits) => about(id, ({ facts }) => facts.takeTraits(traits)),
      models: (id, list) => about(id, ({ pod }) => events.models(pod, list)),
      detail: (id, text) =>
        about(id, (watch) => {
          watch.detail = text;
        }),
      failed: (problem) => events.workerFailed(problem),
    };
  }

  #scraped(watch: Watch, { outcome, seconds, startedAtMs, numbers }: ScrapeResult): void {
    const { events } = this.#parts;
    const { pod } = watch;
    const isKnown = watch.readAtMs + watch.options.stalenessMs > this.#parts.now();
    // Metrics at a port of their own are a sidecar's, maybe: its silence is not the pod's.
    if (watch.atOwnPort) this.#silent.scraped(pod, outcome, isKnown);
    if (outcome === "refused") this.#forget(watch);
    // A result that was held up on its way may be too old to be true.
    const isFresh = isRead(outcome) && startedAtMs + seconds * 1000 + watch.options.stalenessMs > this.#parts.now();
    const isAnother = isRead(outcome) && watch.restarts.sees(numbers);
    if (isFresh) this.#write(watch, numbers, startedAtMs + seconds * 1000);
    if (isAnother) events.restarted(pod);
    const load = isFresh ? (numbers[0] ?? Number.NaN) + (numbers[1] ?? Number.NaN) : Number.NaN;
    events.scraped(pod, outcome, seconds, load, startedAtMs, watch.detail);
  }

  #write(watch: Watch, numbers: Float64Array, readAtMs: number): void {
    const { columns } = this.#parts.table;
    for (const [i, reading] of readingNames.entries()) columns[reading][watch.pod.slot] = numbers[i] ?? Number.NaN;
    writeExtras(columns, watch.pod.slot, numbers);
    watch.facts.takeNumbers(numbers);
    watch.readAtMs = readAtMs;
    this.#parts.table.toldAtMs[watch.pod.slot] = readAtMs;
    watch.staleAtMs = readAtMs + watch.options.stalenessMs;
    if (watch.staleAtMs < this.#expiryAtMs) this.#armExpiry(watch.staleAtMs);
  }

  #forget(watch: Watch): void {
    watch.staleAtMs = Number.POSITIVE_INFINITY;
    const { columns } = this.#parts.table;
    for (const name of [...readingNames, ...extraColumns]) columns[name][watch.pod.slot] = Number.NaN;
  }

  #armExpiry(atMs: number): void {
    this.#cancelExpiry();
    this.#expiryAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(0, Math.ceil(atMs - this.#parts.now()));
    this.#cancelExpiry = this.#after(waitMs, () => this.#expire());
  }

  /** One timer for all pods, always at the next time one of them could grow stale. */
  #expire(): void {
    const now = this.#parts.now();
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const watch of this.#byPod.values()) {
      if (watch.staleAtMs <= now) this.#forget(watch);
      nextAtMs = Math.min(nextAtMs, watch.staleAtMs);
    }
    this.#armExpiry(nextAtMs);
  }
}

function afterUnref(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}

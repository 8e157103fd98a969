/**
 * Keeps the readings of every live pod fresh (queue depth among them): one poll per pod, begun when it joins and dropped
 * when it leaves. What each reading is called on a pod's page stands in model-servers.ts.
 */
import { Client, type Dispatcher } from "undici";
import { type ModelServer, vllm } from "./model-servers.ts";
import { PodScrape, type ScrapeContext, type ScrapeEvents, type ScrapeOptions } from "./pod-scrape.ts";
import type { Pod, PodTable } from "./pod-table.ts";

export type { ScrapeOutcome } from "./page-request.ts";
export type { ScrapeEvents, ScrapeOptions };

export interface ScraperParts {
  readonly table: PodTable;
  readonly events: ScrapeEvents;
  /** Milliseconds that never go back. */
  now(): number;
  /** Uniform in 0..1. */
  random(): number;
  readonly server?: ModelServer;
  readonly after?: ScrapeContext["after"];
  readonly connect?: ScrapeContext["connect"];
}

/** Pods that join together begin this many a millisecond, so that a large pool does not hold up the thread. */
const BEGINS_PER_MS = 8;

export class Scraper {
  readonly #context: ScrapeContext;
  readonly #scrapes = new Map<Pod, PodScrape>();
  #running = false;

  constructor(parts: ScraperParts, given: Partial<ScrapeOptions> = {}) {
    const options = scrapeOptions(given);
    this.#context = {
      table: parts.table,
      events: parts.events,
      server: parts.server ?? vllm,
      options,
      now: () => parts.now(),
      random: () => parts.random(),
      after: parts.after ?? afterUnref,
      connect: parts.connect ?? ((origin) => openClient(origin, options.timeoutMs)),
    };
    parts.table.onLeave((pod) => this.#drop(pod));
  }

  /** Begins with the pods the table holds. */
  start(): void {
    this.#running = true;
    this.watch(this.#context.table.pods());
  }

  /** Scrapes pods that joined, at once and then on and on; those already watched or gone are passed over. */
  watch(pods: readonly Pod[]): void {
    if (!this.#running) return;
    const fresh = pods.filter(
      (pod) => !this.#scrapes.has(pod) && this.#context.table.isCurrent(pod.slot, pod.generation),
    );
    for (const [i, pod] of fresh.entries()) {
      this.#scrapes.set(pod, new PodScrape(pod, this.#context, Math.floor(i / BEGINS_PER_MS)));
    }
  }

  /** Resolves when every connection is closed. */
  async stop(): Promise<void> {
    this.#running = false;
    const scrapes = [...this.#scrapes.values()];
    this.#scrapes.clear();
    await Promise.all(scrapes.map((scrape) => scrape.stop()));
  }

  #drop(pod: Pod): void {
    const scrape = this.#scrapes.get(pod);
    this.#scrapes.delete(pod);
    scrape?.stop().catch(() => undefined);
  }
}

/** Fills in the defaults; a page is stale after five missed scrapes, and never before two seconds. */
function scrapeOptions(given: Partial<ScrapeOptions>): ScrapeOptions {
  const intervalMs = given.intervalMs ?? 1000;
  return Object.freeze({
    scheme: given.scheme ?? "http",
    path: given.path ?? "/metrics",
    intervalMs,
    timeoutMs: given.timeoutMs ?? 1000,
    stalenessMs: given.stalenessMs ?? Math.max(5 * intervalMs, 2000),
    pageLimitBytes: given.pageLimitBytes ?? 8 * 1024 * 1024,
  });
}

function afterUnref(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}

/** Every request has one deadline for the whole, kept by its scrape; the client only has to let go of dead connects. */
function openClient(origin: string, timeoutMs: number): Dispatcher {
  return new Client(origin, {
    pipelining: 1,
    allowH2: false,
    connectTimeout: 2 * timeoutMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

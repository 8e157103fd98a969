/**
 * Polls one pod's metrics page for as long as the pod is known: when to ask, how long to wait, what a result means.
 * At any time either a request is in flight or the next one is due; one timer serves both, and the readings' expiry.
 */
import type { Dispatcher } from "undici";
import { type ModelServer, type Reading, readingNames } from "./model-servers.ts";
import { PageRequest, type ScrapeOutcome } from "./page-request.ts";
import { MetricsParser } from "./parse-metrics.ts";
import type { Pod, PodTable } from "./pod-table.ts";

/** Told of every scrape that ended, after its readings are in the table. */
export interface ScrapeEvents {
  /** `load` is waiting + running, NaN if unknown; `startedAtMs` is on the clock the scraper was given. */
  scraped(pod: Pod, outcome: ScrapeOutcome, seconds: number, load: number, startedAtMs: number): void;
}

export interface ScrapeOptions {
  readonly scheme: "http" | "https";
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Age at which the readings of a pod that answers no more become unknown. */
  readonly stalenessMs: number;
  readonly pageLimitBytes: number;
}

/** What all pods' scrapes share. */
export interface ScrapeContext {
  readonly table: PodTable;
  readonly events: ScrapeEvents;
  readonly server: ModelServer;
  readonly options: ScrapeOptions;
  now(): number;
  /** Uniform in 0..1. */
  random(): number;
  /** Runs `run` once after `ms`; the answer takes it back. */
  after(ms: number, run: () => void): () => void;
  /** Opens a client that keeps one connection to the origin. */
  connect(origin: string): Dispatcher;
}

/** Pods drift apart by up to this share of an interval, so that scrapes do not come in bursts. */
const JITTER = 0.1;
/** A failing pod is asked every 1, 2, then 4 intervals; no rarer, so that a pod that comes back is seen soon. */
const BACK_OFF_DOUBLINGS = 2;
const headers = { accept: "text/plain;version=0.0.4" };

export class PodScrape {
  readonly #pod: Pod;
  readonly #context: ScrapeContext;
  readonly #parser: MetricsParser;
  #client: Dispatcher | undefined;
  #request: PageRequest | undefined;
  #cancelTimer = (): void => undefined;
  #startedAtMs = 0;
  /** When the next scrape is due or, while one is in flight, when it is given up. */
  #nextAtMs: number;
  #staleAtMs = Number.POSITIVE_INFINITY;
  #failures = 0;
  #connectTimeouts = 0;
  /** Answers that came over the present connection. */
  #answers = 0;
  /** The request in flight went over a connection that had carried an answer before. */
  #reused = false;

  constructor(pod: Pod, context: ScrapeContext, delayMs: number) {
    this.#pod = pod;
    this.#context = context;
    this.#parser = new MetricsParser(context.server);
    this.#nextAtMs = context.now() + delayMs;
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#cancelTimer();
    this.#request?.cancel();
    await this.#close();
  }

  #arm(): void {
    this.#cancelTimer();
    const waitMs = Math.min(this.#nextAtMs, this.#staleAtMs) - this.#context.now();
    this.#cancelTimer = this.#context.after(Math.max(0, Math.ceil(waitMs)), this.#wake);
  }

  #wake = (): void => {
    const now = this.#context.now();
    if (now >= this.#staleAtMs) this.#forget();
    if (now < this.#nextAtMs) this.#arm();
    else if (this.#request === undefined) this.#begin(now);
    else this.#giveUp(this.#request);
  };

  #begin(now: number): void {
    const { path, timeoutMs, pageLimitBytes } = this.#context.options;
    this.#startedAtMs = now;
    this.#nextAtMs = now + timeoutMs;
    this.#reused = this.#answers > 0;
    const request = new PageRequest(this.#parser, pageLimitBytes, (outcome) => this.#end(request, outcome));
    this.#request = request;
    this.#client ??= this.#open();
    this.#arm();
    this.#client.dispatch({ path, method: "GET", headers }, request);
  }

  /**
   * The deadline of a request. A kernel accepts connections however busy its server is, so a pod that takes none twice
   * in a row is as unreachable as one that refuses; once may be a lost packet.
   */
  #giveUp(request: PageRequest): void {
    request.cancel();
    this.#close().catch(() => undefined);
    this.#connectTimeouts = request.connected ? 0 : this.#connectTimeouts + 1;
    this.#end(request, this.#connectTimeouts > 1 ? "refused" : "timeout");
  }

  #end(request: PageRequest, outcome: ScrapeOutcome): void {
    const now = this.#context.now();
    this.#request = undefined;
    this.#answers = request.ended ? this.#answers + 1 : 0;
    // A server may close an idle connection just as a request goes out on it: only a new connection tells.
    if (outcome === "refused" && this.#reused) {
      this.#nextAtMs = now;
      this.#arm();
      return;
    }
    this.#failures = outcome === "ok" ? 0 : this.#failures + 1;
    this.#nextAtMs = this.#nextScrapeAtMs(now);
    this.#record(request, outcome, now);
    this.#arm();
    const { waiting, running } = this.#parser.readings;
    const load = outcome === "ok" ? waiting + running : Number.NaN;
    this.#context.events.scraped(this.#pod, outcome, (now - this.#startedAtMs) / 1000, load, this.#startedAtMs);
  }

  /** A slow pod rests as long as it took: it never spends more than half its time on metrics. */
  #nextScrapeAtMs(now: number): number {
    const backOff = 2 ** Math.min(Math.max(this.#failures - 1, 0), BACK_OFF_DOUBLINGS);
    const jitter = 1 - JITTER + 2 * JITTER * this.#context.random();
    const rested = now + (now - this.#startedAtMs);
    return Math.max(this.#startedAtMs + this.#context.options.intervalMs * backOff * jitter, rested);
  }

  #record(request: PageRequest, outcome: ScrapeOutcome, now: number): void {
    const { table, options } = this.#context;
    if (!table.isCurrent(this.#pod.slot, this.#pod.generation)) return;
    if (request.ended) {
      this.#connectTimeouts = 0;
      table.reachable[this.#pod.slot] = 1;
    }
    if (outcome === "refused") {
      table.reachable[this.#pod.slot] = 0;
      this.#forget();
    } else if (outcome === "ok") {
      this.#staleAtMs = now + options.stalenessMs;
      for (const reading of readingNames) this.#write(reading, this.#parser.readings[reading]);
    }
  }

  #forget(): void {
    this.#staleAtMs = Number.POSITIVE_INFINITY;
    for (const reading of readingNames) this.#write(reading, Number.NaN);
  }

  #write(reading: Reading, value: number): void {
    this.#context.table.columns[reading][this.#pod.slot] = value;
  }

  #open(): Dispatcher {
    const client = this.#context.connect(`${this.#context.options.scheme}://${this.#pod.address}`);
    client.on("disconnect", () => {
      if (client === this.#client) this.#disconnected();
    });
    return client;
  }

  /** A pod that dies drops its idle connection: ask at once. One that closes after every answer is no news. */
  #disconnected(): void {
    const kept = this.#answers > 1;
    this.#answers = 0;
    if (!kept || this.#request !== undefined) return;
    this.#nextAtMs = this.#context.now();
    this.#arm();
  }

  async #close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.destroy();
  }
}

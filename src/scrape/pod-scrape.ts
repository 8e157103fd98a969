/**
 * Asks one pod for its metrics and its models for as long as the pod is known: when, how long to wait, what an end means.
 * At any time either one request is in flight or the next one is due; one timer serves both.
 */
import type { Dispatcher } from "undici";
import type { Credentials } from "./credentials.ts";
import { MODELS_LIMIT_BYTES, ModelsBody } from "./models-body.ts";
import { PageReader } from "./page-reader.ts";
import { PageRequest } from "./page-request.ts";
import { PodConnection } from "./pod-connection.ts";
import { PodModels } from "./pod-models.ts";
import { originsOf, type ScrapeOptions } from "./scrape-options.ts";
import type { ScrapeOutcome } from "./scrape-outcome.ts";
import type { PodAddress, WorkEvents } from "./scrape-work.ts";

/** What the scrapes of a pool share. */
export interface ScrapeContext {
  readonly events: Pick<WorkEvents, "scraped" | "traits" | "models">;
  readonly options: ScrapeOptions;
  readonly credentials: Credentials;
  now(): number;
  /** Uniform in 0..1. */
  random(): number;
  /** Runs `run` once after `ms`; the answer takes it back. */
  after(ms: number, run: () => void): () => void;
  /** Opens a client that keeps one connection to the origin. */
  connect(origin: string): Dispatcher;
}

/** One of the two things a pod is asked for. */
interface Errand {
  readonly path: string;
  readonly accept: string;
  readonly intervalMs: number;
  readonly connection: PodConnection;
  nextAtMs: number;
  failures: number;
}

interface Asking {
  readonly errand: Errand;
  readonly request: PageRequest;
  readonly startedAtMs: number;
  /** It went over a connection that had carried an answer before. */
  readonly reused: boolean;
}

/** Pods drift apart by up to this share of an interval, so that scrapes do not come in bursts. */
const JITTER = 0.1;
/** A failing pod is asked every 1, 2, then 4 intervals; no rarer, so that a pod that comes back is seen soon. */
const BACK_OFF_DOUBLINGS = 2;
/** Statuses of a list of models that say "not now": what is known stays. Beside them every 5xx but 501. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

export class PodScrape {
  readonly #id: number;
  readonly #context: ScrapeContext;
  readonly #reader: PageReader;
  readonly #list = new ModelsBody();
  readonly #podModels: PodModels;
  readonly #metrics: Errand;
  readonly #models: Errand;
  #asking: Asking | undefined;
  /** When the request in flight is given up. */
  #deadlineMs = 0;
  #connectTimeouts = 0;
  #traits: unknown;
  #cancelTimer = (): void => undefined;

  constructor({ id, address }: PodAddress, context: ScrapeContext, delayMs: number) {
    const { options, connect } = context;
    const origins = originsOf(address, options);
    const connectionTo = (origin: string) => new PodConnection(() => connect(origin), this.#dropped);
    const metrics = connectionTo(origins.metrics);
    const models = origins.models === origins.metrics ? metrics : connectionTo(origins.models);
    const nextAtMs = context.now() + delayMs;
    this.#id = id;
    this.#context = context;
    this.#reader = new PageReader(options.engine);
    this.#podModels = new PodModels((list) => context.events.models(id, list));
    this.#metrics = { ...pageErrand(options), connection: metrics, nextAtMs, failures: 0 };
    this.#models = { ...modelsErrand(options), connection: models, nextAtMs, failures: 0 };
    if (options.modelsPath === "") {
      this.#models.nextAtMs = Number.POSITIVE_INFINITY;
      this.#podModels.answered("untold");
    }
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#cancelTimer();
    this.#asking?.request.cancel();
    await Promise.all([this.#metrics.connection.close(), this.#models.connection.close()]);
  }

  #arm(): void {
    this.#cancelTimer();
    const dueMs = this.#asking ? this.#deadlineMs : Math.min(this.#metrics.nextAtMs, this.#models.nextAtMs);
    const waitMs = Math.max(0, Math.ceil(dueMs - this.#context.now()));
    this.#cancelTimer = this.#context.after(waitMs, this.#wake);
  }

  #wake = (): void => {
    const now = this.#context.now();
    if (this.#asking !== undefined) {
      if (now >= this.#deadlineMs) this.#giveUp(this.#asking);
      else this.#arm();
    } else if (now >= this.#metrics.nextAtMs) this.#begin(this.#metrics, now);
    else if (now >= this.#models.nextAtMs) this.#begin(this.#models, now);
    else this.#arm();
  };

  #begin(errand: Errand, now: number): void {
    const { options, credentials } = this.#context;
    const [reader, limit] =
      errand === this.#metrics ? [this.#reader, options.pageLimitBytes] : [this.#list, MODELS_LIMIT_BYTES];
    const settle = (outcome: ScrapeOutcome): void => this.#end(asking, outcome);
    const request = new PageRequest(reader, limit, settle);
    const asking: Asking = { errand, request, startedAtMs: now, reused: errand.connection.used };
    this.#asking = asking;
    this.#deadlineMs = now + options.timeoutMs;
    this.#arm();
    try {
      const authorization = credentials.authorization(now);
      const headers = { accept: errand.accept, ...(authorization !== undefined && { authorization }) };
      errand.connection.send({ path: errand.path, method: "GET", headers }, request);
    } catch {
      request.cancel();
      this.#end(asking, "fault");
    }
  }

  /**
   * The deadline of a request. A kernel accepts connections however busy its server is, so a pod that takes none twice
   * in a row is as unreachable as one that refuses; once may be a lost packet.
   */
  #giveUp(asking: Asking): void {
    asking.request.cancel();
    asking.errand.connection.close().catch(() => undefined);
    this.#connectTimeouts = asking.request.connected ? 0 : this.#connectTimeouts + 1;
    this.#end(asking, this.#connectTimeouts > 1 ? "refused" : "timeout");
  }

  #end(asking: Asking, outcome: ScrapeOutcome): void {
    const { errand, request, reused, startedAtMs } = asking;
    const now = this.#context.now();
    this.#asking = undefined;
    errand.connection.settled(request.ended);
    if (request.ended) this.#connectTimeouts = 0;
    // A server may close an idle connection just as a request goes out on it: only a new connection tells.
    if (reused && (outcome === "refused" || outcome === "truncated")) {
      errand.nextAtMs = now;
      this.#arm();
      return;
    }
    const ending = errand === this.#metrics && outcome === "ok" ? this.#reader.end() : outcome;
    errand.failures = ending === "ok" || ending === "partial" ? 0 : errand.failures + 1;
    errand.nextAtMs = this.#nextAtMs(asking, now);
    this.#arm();
    if (errand === this.#models) this.#takeModels(request.status, outcome, now);
    else this.#takeMetrics(ending, request.ended, now, startedAtMs);
  }

  /** A slow pod rests as long as it took: it never spends more than half its time on being asked. */
  #nextAtMs({ errand, startedAtMs }: Asking, now: number): number {
    const backOff = 2 ** Math.min(Math.max(errand.failures - 1, 0), BACK_OFF_DOUBLINGS);
    const jitter = 1 - JITTER + 2 * JITTER * this.#context.random();
    const rested = now + (now - startedAtMs);
    return Math.max(startedAtMs + errand.intervalMs * backOff * jitter, rested);
  }

  #takeMetrics(outcome: ScrapeOutcome, answered: boolean, now: number, startedAtMs: number): void {
    const { numbers, traits } = this.#reader;
    if (traits !== undefined && traits !== this.#traits) {
      this.#traits = traits;
      this.#context.events.traits(this.#id, traits);
      this.#podModels.labelled(traits);
    }
    const seconds = (now - startedAtMs) / 1000;
    this.#context.events.scraped(this.#id, { outcome, answered, seconds, startedAtMs, numbers });
  }

  /** What says nothing of the models changes nothing; a pod that cannot be asked for them is asked how it is. */
  #takeModels(status: number, outcome: ScrapeOutcome, now: number): void {
    if (outcome === "refused" || outcome === "truncated") {
      this.#metrics.nextAtMs = Math.min(this.#metrics.nextAtMs, now);
      this.#arm();
    } else if (outcome === "ok") this.#podModels.answered(this.#list.entries() ?? "untold");
    else if (status > 0 && outcome !== "timeout" && !isPassing(status)) this.#podModels.answered("untold");
  }

  /** A pod that dies drops its idle connection: ask at once. */
  #dropped = (): void => {
    this.#metrics.nextAtMs = this.#context.now();
    this.#arm();
  };
}

function pageErrand({ path, intervalMs }: ScrapeOptions) {
  return { path, intervalMs, accept: "text/plain;version=0.0.4" };
}

function modelsErrand({ modelsPath, modelsIntervalMs }: ScrapeOptions) {
  return { path: modelsPath, intervalMs: modelsIntervalMs, accept: "application/json" };
}

function isPassing(status: number): boolean {
  return PASSING_STATUSES.has(status) || (status >= 500 && status !== 501);
}

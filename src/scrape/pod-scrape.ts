/**
 * Asks one pod for its metrics and its models for as long as the pod is known: when, how long to wait, what an end means.
 * At any time either one request is in flight or the next one is due; one timer serves both.
 */
import type { Dispatcher } from "undici";
import type { Credentials } from "./credentials.ts";
import { type Errand, modelsErrand, pageErrand, pauseMs } from "./errand.ts";
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
  readonly events: Pick<WorkEvents, "scraped" | "reached" | "traits" | "models" | "detail">;
  readonly options: ScrapeOptions;
  readonly credentials: Credentials;
  now(): number;
  /** Uniform in 0..1. */
  random(): number;
  /** Runs `run` once after `ms`; the answer takes it back. */
  after(ms: number, run: () => void): () => void;
  /** Opens a client that keeps one connection to the origin. */
  connect(origin: string): Dispatcher;
  /** Opens what only sees whether the origin takes connections. */
  knock(origin: string): Dispatcher;
}

interface Asking {
  readonly errand: Errand;
  readonly request: PageRequest;
  readonly startedAtMs: number;
  /** It went over a connection that had carried an answer before. */
  readonly reused: boolean;
}

/** So long a pod that takes connections is waited for to tell its models: two looks as they are by default. */
const MODELS_PATIENCE_MS = 10_000;
/** An error may quote what the pod sent. */
const DETAIL_LENGTH = 300;
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
  /** The errand that goes where requests go: another port may be a sidecar's, which says nothing of the server. */
  readonly #judge: Errand;
  #reached: boolean | undefined;
  #asking: Asking | undefined;
  /** When the request in flight is given up. */
  #deadlineMs = 0;
  #traits: unknown;
  /** Since when the pod takes connections, as far as it is known. */
  #sinceMs = Number.NaN;
  readonly #url: string;
  #detail = "";
  #cancelTimer = (): void => undefined;

  constructor({ id, address }: PodAddress, context: ScrapeContext, delayMs: number) {
    const { options, connect, knock } = context;
    const origins = originsOf(address, options);
    const isApart = origins.models !== origins.metrics;
    const asksModels = options.modelsPath !== "";
    const open = asksModels ? connect : knock;
    const metrics = new PodConnection(
      () => connect(origins.metrics),
      () => this.#askAtOnce(this.#metrics),
    );
    const own = new PodConnection(
      () => open(origins.models),
      () => this.#askAtOnce(this.#models),
    );
    const nextAtMs = context.now() + delayMs;
    this.#id = id;
    this.#context = context;
    this.#url = origins.metrics + options.path;
    this.#reader = new PageReader(options.engine);
    this.#podModels = new PodModels((list) => context.events.models(id, list));
    this.#metrics = pageErrand(options, metrics, nextAtMs);
    this.#models = modelsErrand(options, isApart ? own : metrics, nextAtMs);
    this.#judge = isApart ? this.#models : this.#metrics;
    if (!asksModels) {
      if (!isApart) this.#models.nextAtMs = Number.POSITIVE_INFINITY;
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
    } catch (error) {
      request.cancel();
      this.#end(asking, "fault", error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * The deadline of a request. A kernel accepts connections however busy its server is, so a pod that takes none twice
   * in a row is as unreachable as one that refuses; once may be a lost packet.
   */
  #giveUp(asking: Asking): void {
    asking.request.cancel();
    const connectTimeouts = asking.errand.connection.gaveUp(asking.request.connected);
    this.#end(asking, connectTimeouts > 1 ? "refused" : "timeout");
  }

  #end(asking: Asking, outcome: ScrapeOutcome, problem = asking.request.detail): void {
    const { errand, request, reused, startedAtMs } = asking;
    const now = this.#context.now();
    this.#asking = undefined;
    errand.connection.settled(request.ended);
    // A server may close an idle connection just as a request goes out on it: only a new connection tells.
    if (reused && (outcome === "refused" || outcome === "truncated")) {
      errand.nextAtMs = now;
      this.#arm();
      return;
    }
    const ending = errand === this.#metrics && outcome === "ok" ? this.#reader.end() : outcome;
    errand.failures = ending === "ok" || ending === "partial" ? 0 : errand.failures + 1;
    if (errand === this.#judge) this.#tellReached(request.ended, outcome);
    errand.nextAtMs = this.#nextAtMs(asking, now);
    this.#arm();
    if (errand === this.#models) {
      if (errand.path !== "") this.#takeModels(request.status, outcome, now);
    } else {
      this.#tellDetail(ending, problem);
      this.#takeMetrics(ending, now, startedAtMs);
    }
    if (errand === this.#models || errand === this.#judge) this.#waitForModels(ending, now, startedAtMs);
  }

  /** A pod that cannot be reached is not waited for anyway, and has all its time once it can. */
  #waitForModels(ending: ScrapeOutcome, now: number, startedAtMs: number): void {
    if (ending === "refused") this.#sinceMs = Number.NaN;
    else if (Number.isNaN(this.#sinceMs)) this.#sinceMs = startedAtMs;
    const patienceMs = Math.min(2 * this.#context.options.modelsIntervalMs, MODELS_PATIENCE_MS);
    if (now - this.#sinceMs >= patienceMs) this.#podModels.givenUp();
  }

  /** An end that is neither an answer nor a refusal leaves it as it was. */
  #tellReached(answered: boolean, outcome: ScrapeOutcome): void {
    const reached = answered || (outcome === "refused" ? false : this.#reached);
    if (reached === undefined || reached === this.#reached) return;
    this.#reached = reached;
    this.#context.events.reached(this.#id, reached);
  }

  #tellDetail(outcome: ScrapeOutcome, problem: string): void {
    const found = problem === "" ? this.#reader.lacking(outcome) : problem;
    const said = [`GET ${this.#url}`, found].filter(Boolean).join(": ");
    const detail = outcome === "ok" ? "" : said.slice(0, DETAIL_LENGTH);
    if (detail === this.#detail) return;
    this.#detail = detail;
    this.#context.events.detail(this.#id, detail);
  }

  /** A slow pod rests as long as it took: it never spends more than half its time on being asked. */
  #nextAtMs({ errand, startedAtMs }: Asking, now: number): number {
    // Whether the pod is back has to be seen as soon as a page would show it.
    const waitsForPod = errand === this.#judge && this.#reached === false;
    const intervalMs = waitsForPod ? this.#context.options.intervalMs : errand.intervalMs;
    const rested = now + (now - startedAtMs);
    return Math.max(startedAtMs + pauseMs(intervalMs, errand.failures, this.#context.random()), rested);
  }

  #takeMetrics(outcome: ScrapeOutcome, now: number, startedAtMs: number): void {
    const { numbers, traits } = this.#reader;
    if (traits !== undefined && traits !== this.#traits) {
      this.#traits = traits;
      this.#context.events.traits(this.#id, traits);
      this.#podModels.labelled(traits);
    }
    const seconds = (now - startedAtMs) / 1000;
    this.#context.events.scraped(this.#id, { outcome, seconds, startedAtMs, numbers });
  }

  /** What says nothing of the models changes nothing; a pod that cannot be asked for them is asked how it is. */
  #takeModels(status: number, outcome: ScrapeOutcome, now: number): void {
    if (outcome === "refused" || outcome === "truncated") {
      this.#metrics.nextAtMs = Math.min(this.#metrics.nextAtMs, now);
      this.#arm();
    } else if (outcome === "ok") this.#podModels.answered(this.#list.entries() ?? "untold");
    else if (outcome === "denied") this.#podModels.denied();
    else if (status > 0 && outcome !== "timeout" && !isPassing(status)) this.#podModels.answered("untold");
  }

  /** A pod that dies drops its idle connection: ask at once. */
  #askAtOnce(errand: Errand): void {
    errand.nextAtMs = this.#context.now();
    this.#arm();
  }
}

function isPassing(status: number): boolean {
  return PASSING_STATUSES.has(status) || (status >= 500 && status !== 501);
}

/** Has the work done in a worker thread: starts it, passes orders on, reads its batches, and replaces it when it dies. */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { type Batch, BatchReader } from "./batch.ts";
import type { ScrapeOptions } from "./scrape-options.ts";
import type { PodAddress, ScrapeWork, WorkEvents, WorkParts } from "./scrape-work.ts";
import { alive, type Command, threadClockMs, type WorkerSetup } from "./thread-protocol.ts";

/** The part of a worker that is used here. */
export type WorkerLike = Pick<Worker, "postMessage" | "on" | "ref" | "unref" | "terminate">;

export interface ThreadParts {
  readonly open?: (setup: WorkerSetup) => WorkerLike;
  readonly after?: (ms: number, run: () => void) => () => void;
}

const FIRST_RESTART_MS = 100;
const LAST_RESTART_MS = 10_000;
/** Whoever lived this long is replaced as fast as the first time. */
const HEALTHY_MS = 30_000;
const STOP_MS = 1000;
/** A thread that leaves three questions unanswered is caught in something; it is replaced. */
const PING_MS = 10_000;
const PINGS = 3;
/**
 * Two hundred pods need a tenth of it. What pods say is bounded everywhere, but not by one place: should they together
 * find a way to fill the memory, it is the thread that dies and begins anew, not the process.
 */
const limits = { maxOldGenerationSizeMb: 256 };

export class ScrapeThread implements ScrapeWork {
  readonly #parts: WorkParts;
  readonly #open: (setup: WorkerSetup) => WorkerLike;
  readonly #after: NonNullable<ThreadParts["after"]>;
  /** What a new worker has to be told. */
  readonly #watched = new Map<number, { readonly pod: PodAddress; readonly options: ScrapeOptions }>();
  #worker: WorkerLike | undefined;
  #startedAtMs = 0;
  #restartMs = FIRST_RESTART_MS;
  #cancelRestart: (() => void) | undefined;
  #cancelPing = (): void => undefined;
  #unanswered = 0;
  #stopped = false;
  #exited: (() => void) | undefined;

  constructor(parts: WorkParts, given: ThreadParts = {}) {
    this.#parts = parts;
    this.#open = given.open ?? openWorker;
    this.#after = given.after ?? afterUnref;
  }

  /** The first pods start the thread. */
  watch(pods: readonly PodAddress[], options: ScrapeOptions): void {
    for (const pod of pods) this.#watched.set(pod.id, { pod, options });
    if (this.#worker !== undefined) this.#tell(watchCommand(pods, options));
    else if (this.#cancelRestart === undefined) this.#start();
  }

  drop(id: number): void {
    if (this.#watched.delete(id)) this.#tell({ kind: "drop", id });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRestart?.();
    this.#watched.clear();
    this.#cancelPing();
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const exited = new Promise<void>((resolve) => {
      this.#exited = resolve;
    });
    this.#tell({ kind: "stop" });
    const cancel = this.#after(STOP_MS, () => {
      worker.terminate().catch(() => undefined);
    });
    await exited;
    cancel();
  }

  #start(): void {
    this.#cancelRestart = undefined;
    this.#startedAtMs = this.#parts.now();
    try {
      this.#worker = this.#connect(this.#open({ seed: Math.floor(this.#parts.random() * 2 ** 32) }));
    } catch (error) {
      this.#ended(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#tellAll();
    this.#unanswered = 0;
    this.#armPing();
  }

  #connect(worker: WorkerLike): WorkerLike {
    let problem = "";
    const reader = new BatchReader(this.#onOurClock());
    worker.on("message", (message: Batch | typeof alive) => {
      if (message === alive) this.#unanswered = 0;
      else {
        reader.read(message);
        this.#tell({ kind: "read" });
      }
    });
    worker.on("error", (error) => {
      problem = error instanceof Error ? error.message : String(error);
    });
    worker.on("exit", (code) => this.#ended(problem === "" ? `the thread ended with code ${code}` : problem));
    worker.unref();
    return worker;
  }

  #armPing(): void {
    this.#cancelPing = this.#after(PING_MS, () => {
      if (this.#unanswered++ < PINGS) this.#tell({ kind: "ping" });
      // Its end is told as any other.
      else this.#worker?.terminate().catch(() => undefined);
      this.#armPing();
    });
  }

  #ended(problem: string): void {
    this.#worker = undefined;
    this.#cancelPing();
    this.#exited?.();
    if (this.#stopped) return;
    if (this.#parts.now() - this.#startedAtMs >= HEALTHY_MS) this.#restartMs = FIRST_RESTART_MS;
    this.#cancelRestart = this.#after(this.#restartMs, () => this.#start());
    this.#restartMs = Math.min(2 * this.#restartMs, LAST_RESTART_MS);
    this.#parts.events.failed(problem);
  }

  /** One order per set of options. */
  #tellAll(): void {
    const byOptions = Map.groupBy(this.#watched.values(), ({ options }) => options);
    for (const [options, entries] of byOptions) {
      this.#tell(
        watchCommand(
          entries.map(({ pod }) => pod),
          options,
        ),
      );
    }
  }

  #tell(command: Command): void {
    this.#worker?.postMessage(command);
  }

  /** The worker's clock runs like ours from another zero. */
  #onOurClock(): WorkEvents {
    const { events, now } = this.#parts;
    return {
      reached: (id, is) => events.reached(id, is),
      overtaken: (outcome, count) => events.overtaken(outcome, count),
      traits: (id, traits) => events.traits(id, traits),
      models: (id, list) => events.models(id, list),
      detail: (id, text) => events.detail(id, text),
      failed: (problem) => events.failed(problem),
      scraped: (id, result) => {
        const startedAtMs = now() - (threadClockMs() - result.startedAtMs);
        events.scraped(id, { ...result, startedAtMs });
      },
    };
  }
}

function watchCommand(pods: readonly PodAddress[], options: ScrapeOptions): Command {
  return { kind: "watch", ids: pods.map(({ id }) => id), addresses: pods.map(({ address }) => address), options };
}

/** TypeScript in a checkout, JavaScript in an installed package. */
export function openWorker(workerData: WorkerSetup): WorkerLike {
  const file = new URL(`./scrape-worker${extname(import.meta.filename)}`, import.meta.url);
  // Flags of the process, such as what to evaluate, are not meant for the thread.
  return new Worker(file, { workerData, execArgv: [], resourceLimits: limits, name: "scrape" });
}

function afterUnref(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}

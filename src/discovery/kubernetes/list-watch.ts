/**
 * Holds the objects of one resource as the API server has them, for as long as it runs.
 *
 * A round is a list, then watches from its version, one after the other: the server ends each after `watchSeconds`, and
 * that end is the heartbeat of a quiet resource. The round is over, and a new list due, when anything else ends a watch
 * (events may be lost), when the version has expired, and every `relistMs` (an event may have been swallowed).
 */
import { type ApiProblem, problemOfError, problemOfStatus, type Resource } from "./api-problem.ts";
import { at, isObject, type Json, listAt, Malformed, textAt } from "./kube-json.ts";
import type { Api } from "./kubernetes-api.ts";
import { lineBatches, readText } from "./read-lines.ts";
import { ResourceClient } from "./resource-client.ts";

export interface ListWatchListener<T> {
  /** What is kept of an object; undefined when nothing is. */
  read(object: Json): T | Malformed | undefined;
  /** `items` and `healthy` are what they are now: after every list, batch of events and heartbeat. */
  synced(): void;
  /** The objects cannot be told at present; `items` stays, and the next try follows by itself. */
  failed(problem: ApiProblem): void;
  /** An object was passed over. */
  skipped(problem: string): void;
}

export interface ListWatchOptions {
  /** How long a watch lasts; with its grace less than what makes a source stale. */
  readonly watchSeconds: number;
  /** How much longer the end of a watch may take before the connection counts as hung. */
  readonly graceSeconds: number;
  readonly relistMs: number;
  /** Objects per answer: 50 pods are about 400 KB of JSON, three milliseconds of the thread that picks. */
  readonly pageSize: number;
  /** Between tries that keep failing. */
  readonly longestWaitMs: number;
  /** Uniform in 0..1. */
  random(): number;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

export const listWatchDefaults: ListWatchOptions = {
  watchSeconds: 15,
  graceSeconds: 5,
  relistMs: 300_000,
  pageSize: 50,
  longestWaitMs: LONGEST_WAIT_MS,
  random: Math.random,
};

/** Spreads the pickers that lost the same API server. */
const SPREAD_MS = 100;
/** A watch that lasted this long worked: the next trouble is a new one. */
const SETTLED_MS = 1_000;
const LIST_SECONDS = 10;
const PAGE_LIMIT_BYTES = 256 * 1024 * 1024;

export class ListWatch<T> {
  readonly #api: Api;
  readonly #client: ResourceClient;
  readonly #resource: Resource;
  readonly #listener: ListWatchListener<T>;
  readonly #options: ListWatchOptions;
  #items: Map<string, T> | undefined;
  #watching = false;
  #stopped = false;
  #troubles = 0;
  #wake: (() => void) | undefined;

  constructor(api: Api, resource: Resource, listener: ListWatchListener<T>, options: ListWatchOptions) {
    this.#api = api;
    this.#client = new ResourceClient(api, resource);
    this.#resource = resource;
    this.#listener = listener;
    this.#options = options;
  }

  /** By namespace and name; undefined until the first list. */
  get items(): ReadonlyMap<string, T> | undefined {
    return this.#items;
  }

  /** Is a watch open, so that changes would be seen? */
  get healthy(): boolean {
    return this.#watching;
  }

  /** Goes on until `stop`; whatever happens is told to the listener. */
  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#client.stop();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#round();
      } catch (error) {
        if (this.#stopped) return;
        this.#watching = false;
        this.#note(problemOfError(error, this.#resource));
      }
      await this.#pause();
    }
  }

  #note(problem: ApiProblem): void {
    // An expired version says nothing about the API server's health; the list that follows will.
    if (problem.kind === "expired") return;
    if (problem.status === 401) this.#api.renew(1_000);
    else this.#api.renew(problem.kind === "refused" ? 30_000 : LONGEST_WAIT_MS);
    this.#listener.failed(problem);
  }

  async #round(): Promise<void> {
    let version = await this.#list();
    const listedAtMs = performance.now();
    // Not all pickers at once, even if they started together.
    const relistMs = this.#options.relistMs * (0.9 + 0.2 * this.#options.random());
    do {
      const startedAtMs = performance.now();
      const next = await this.#watch(version);
      const lastedMs = performance.now() - startedAtMs;
      if (lastedMs < this.#options.watchSeconds * 1_000 - SETTLED_MS) return;
      version = next;
    } while (!this.#stopped && performance.now() - listedAtMs < relistMs);
  }

  /** The version that the list stands for; what is no longer in it is gone. */
  async #list(): Promise<string> {
    const found = new Map<string, T>();
    let version = "";
    let next: string | undefined;
    do {
      const page = await this.#page(next);
      for (const object of listAt(page, "items")) this.#take(object, found);
      version = textAt(page, "metadata", "resourceVersion") ?? "";
      next = textAt(page, "metadata", "continue");
    } while (next !== undefined && !this.#stopped);
    if (this.#stopped) return "";
    this.#items = found;
    this.#listener.synced();
    return version;
  }

  #page(next: string | undefined): Promise<unknown> {
    const query = { limit: String(this.#options.pageSize), ...(next !== undefined && { continue: next }) };
    return this.#client.ask(query, LIST_SECONDS, async (answer) => {
      const page: unknown = JSON.parse(await readText(answer.body, PAGE_LIMIT_BYTES));
      if (!Array.isArray(at(page, "items"))) throw new Error("the answer is no list");
      return page;
    });
  }

  /** Resolves with the version reached when the server ends the watch, and rejects when anything else does. */
  #watch(from: string): Promise<string> {
    const { watchSeconds, graceSeconds } = this.#options;
    const query = { watch: "1", allowWatchBookmarks: "true", resourceVersion: from, timeoutSeconds: `${watchSeconds}` };
    return this.#client.ask(query, watchSeconds + graceSeconds, async (answer) => {
      const openedAtMs = performance.now();
      let version = from;
      this.#watching = true;
      this.#listener.synced();
      try {
        for await (const lines of lineBatches(answer.body)) {
          if (this.#stopped) break;
          for (const line of lines) version = this.#apply(JSON.parse(line)) ?? version;
          this.#listener.synced();
        }
      } finally {
        if (performance.now() - openedAtMs >= SETTLED_MS) this.#troubles = 0;
      }
      if (!this.#stopped) this.#listener.synced();
      return version;
    });
  }

  /** Follows one event; the version it stands for, if it says one. */
  #apply(event: unknown): string | undefined {
    const object = at(event, "object");
    const type = textAt(event, "type");
    switch (type) {
      case "ADDED":
      case "MODIFIED":
        this.#take(object, this.#items);
        break;
      case "DELETED":
        this.#items?.delete(keyOf(object) ?? "");
        break;
      case "BOOKMARK":
        break;
      case "ERROR":
        throw problemOfStatus(Number(at(object, "code")) || 500, object, this.#resource);
      default:
        throw new Error(`a watch event of unknown type ${JSON.stringify(type)}`);
    }
    return textAt(object, "metadata", "resourceVersion");
  }

  #take(object: unknown, into: Map<string, T> | undefined): void {
    const key = keyOf(object);
    if (key === undefined || !isObject(object)) {
      this.#listener.skipped(`an object among ${this.#resource.plural} has no name`);
      return;
    }
    const kept = this.#listener.read(object);
    if (kept instanceof Malformed) this.#listener.skipped(`${this.#resource.plural} ${key}: ${kept.reason}`);
    if (kept === undefined || kept instanceof Malformed) into?.delete(key);
    else into?.set(key, kept);
  }

  /** At once after what worked for a while, then longer and longer. */
  async #pause(): Promise<void> {
    if (this.#stopped) return;
    const { random, longestWaitMs } = this.#options;
    const longest = Math.min(FIRST_WAIT_MS * 2 ** (this.#troubles - 1), longestWaitMs);
    const waitMs = this.#troubles === 0 ? SPREAD_MS * random() : longest * (0.5 + 0.5 * random());
    this.#troubles++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function keyOf(object: unknown): string | undefined {
  const name = textAt(object, "metadata", "name");
  return name === undefined ? undefined : `${textAt(object, "metadata", "namespace") ?? ""}/${name}`;
}

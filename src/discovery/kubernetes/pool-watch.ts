/** One InferencePool in one API group: the pool as last known, and how sure that is. */
import type { ApiProblem } from "./api-problem.ts";
import { type InferencePool, readPool } from "./inference-pool.ts";
import { Malformed } from "./kube-json.ts";
import { ListWatch } from "./list-watch.ts";
import type { WatchParts } from "./source-parts.ts";

export interface PoolPlace {
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly name: string;
}

/** An object that makes no sense is kept with its reason: it is not the same as no object. */
interface PoolReading {
  readonly pool?: InferencePool;
  readonly malformed?: string;
}

export class PoolWatch {
  readonly group: string;
  readonly #watch: ListWatch<PoolReading>;
  #pool: InferencePool | undefined;
  #malformed: string | undefined;
  #problem: ApiProblem | undefined;

  /** `heard` is called after everything heard, a heartbeat or a failure as well as a new state. */
  constructor({ group, version, namespace, name }: PoolPlace, parts: WatchParts, heard: (from: PoolWatch) => void) {
    this.group = group;
    const resource = { group, version, plural: "inferencepools", namespace, fieldSelector: `metadata.name=${name}` };
    const listener = {
      read(object: Parameters<typeof readPool>[0]): PoolReading {
        const pool = readPool(object, group);
        return pool instanceof Malformed ? { malformed: pool.reason } : { pool };
      },
      synced: () => {
        this.#problem = undefined;
        this.#take();
        heard(this);
      },
      failed: (problem: ApiProblem) => {
        this.#problem = problem;
        heard(this);
      },
      skipped: (problem: string) => parts.skipped(problem),
    };
    this.#watch = new ListWatch(parts.api, resource, listener, parts.options);
  }

  /** As last known, past problems and objects that make no sense; undefined when there is none. */
  get pool(): InferencePool | undefined {
    return this.#pool;
  }

  /** What is wrong with the object there is. */
  get malformed(): string | undefined {
    return this.#malformed;
  }

  /** What keeps the API server from telling, as last heard. */
  get problem(): ApiProblem | undefined {
    return this.#problem;
  }

  /** Has the API server said anything yet, if only no? */
  get answered(): boolean {
    return this.#watch.items !== undefined || this.#problem !== undefined;
  }

  get healthy(): boolean {
    return this.#watch.healthy && this.#malformed === undefined;
  }

  start(): void {
    this.#watch.start();
  }

  stop(): void {
    this.#watch.stop();
  }

  #take(): void {
    const [reading] = this.#watch.items?.values() ?? [];
    this.#malformed = reading?.malformed;
    if (reading?.malformed === undefined) this.#pool = reading?.pool;
  }
}

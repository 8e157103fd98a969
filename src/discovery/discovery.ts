/**
 * Which pods exist: merges what the sources say, makes table and pools hold exactly that, and knows how old it is.
 * The only writer of both.
 */
import type { Pod, PodSpec, PodTable } from "../pods/pod-table.ts";
import type { PoolSettings } from "../pods/pool.ts";
import type { Pools } from "../pods/pools.ts";
import type { PodSource } from "./pod-source.ts";

/** A source and the pool its pods belong to, unless it names another itself. */
export interface PooledSource {
  readonly source: PodSource;
  readonly pool: string;
  readonly settings: PoolSettings;
}

/** A source as reports name it: the same file may feed several pools. */
export interface SourceName {
  readonly name: string;
  /** "" where the source names the pool of each pod itself. */
  readonly pool: string;
}

export interface PodChange {
  readonly source: SourceName;
  readonly joined: readonly Pod[];
  readonly left: readonly Pod[];
}

export interface DiscoveryEvents {
  /** After table and pools have changed. */
  changed(change: PodChange): void;
  /**
   * A source cannot tell at present; its last known set stays. `again`: the same problem as at the try before; `known`:
   * it has told a set before.
   */
  failed(source: SourceName, problem: string, again: boolean, known: boolean): void;
  /** A source that had failed can tell again. */
  recovered(source: SourceName): void;
}

export interface DiscoveryParts {
  readonly table: PodTable;
  readonly pools: Pools;
  /** A pod that several sources name is taken from the first of them. */
  readonly sources: readonly PooledSource[];
  readonly events: DiscoveryEvents;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

/** What is known of a source: its set, and since when it is not sure of it any more. */
class SourceBook {
  readonly source: PodSource;
  readonly pool: string;
  readonly settings: PoolSettings;
  pods: readonly PodSpec[] | undefined;
  /** When it last published or confirmed; before that, when it began. */
  goodAtMs: number;
  problem = "";

  constructor({ source, pool, settings }: PooledSource, now: number) {
    this.source = source;
    this.pool = pool;
    this.settings = settings;
    this.goodAtMs = now;
  }
}

export interface SourceState extends SourceName {
  /** Has it told its set at least once? */
  readonly known: boolean;
  /** How many pods it tells. */
  readonly pods: number;
  /** How long ago it was last sure; 0 where the set cannot grow old. */
  readonly ageMs: number;
  /** "" while all is well. */
  readonly problem: string;
}

export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #books: readonly SourceBook[];
  #stopped = false;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
    this.#books = parts.sources.map((source) => new SourceBook(source, parts.now()));
    parts.pools.complete = parts.sources.length === 0;
    // A pool is known by its name before it has pods.
    for (const { pool, settings } of parts.sources) if (pool !== "") parts.pools.obtain(pool, settings);
  }

  /** Resolves when every source has published or failed; a failed source does not keep the others. */
  async start(): Promise<void> {
    await Promise.all(this.#books.map((book) => this.#startSource(book)));
  }

  stop(): void {
    this.#stopped = true;
    for (const { source } of this.#books) source.stop();
  }

  states(): SourceState[] {
    const now = this.#parts.now();
    return this.#books.map(({ source, pool, pods, goodAtMs, problem }) => ({
      name: source.name,
      pool,
      known: pods !== undefined,
      pods: pods?.length ?? 0,
      ageMs: source.perishable ? now - goodAtMs : 0,
      problem,
    }));
  }

  async #startSource(book: SourceBook): Promise<void> {
    try {
      await book.source.start({
        publish: (pods) => this.#publish(book, pods),
        confirm: () => this.#good(book),
        fail: (problem) => this.#fail(book, problem),
      });
    } catch (error) {
      this.#fail(book, error instanceof Error ? error.message : String(error));
    }
  }

  #good(book: SourceBook): void {
    if (this.#stopped) return;
    book.goodAtMs = this.#parts.now();
    this.#parts.pools.expire(book.goodAtMs);
    if (book.problem === "") return;
    book.problem = "";
    this.#parts.events.recovered(nameOf(book));
  }

  #fail(book: SourceBook, problem: string): void {
    if (this.#stopped) return;
    const again = book.problem === problem;
    book.problem = problem;
    this.#parts.events.failed(nameOf(book), problem, again, book.pods !== undefined);
  }

  #publish(book: SourceBook, pods: readonly PodSpec[]): void {
    if (this.#stopped) return;
    book.pods = [...pods];
    const { table, events } = this.#parts;
    const { joined, left } = table.reconcile(this.#union());
    this.#fillPools();
    this.#parts.pools.complete = this.#books.every(({ pods: told }) => told !== undefined);
    this.#good(book);
    if (joined.length > 0 || left.length > 0) events.changed({ source: nameOf(book), joined, left });
  }

  #union(): PodSpec[] {
    const byAddress = new Map<string, PodSpec>();
    for (const { pods = [] } of this.#books) {
      for (const pod of pods) if (!byAddress.has(pod.address)) byAddress.set(pod.address, pod);
    }
    return [...byAddress.values()];
  }

  #fillPools(): void {
    const { table, pools } = this.#parts;
    const members = new Map<string, Set<Pod>>(pools.all.map(({ name }) => [name, new Set()]));
    for (const book of this.#books) {
      for (const spec of book.pods ?? []) {
        const name = spec.pool ?? book.pool;
        const pod = table.byAddress(spec.address);
        if (!members.has(name)) members.set(pools.adopt(name, book.settings).name, new Set());
        if (pod !== undefined) members.get(name)?.add(pod);
      }
    }
    for (const [name, pods] of members) pools.byName(name)?.assign([...pods]);
  }
}

function nameOf({ source, pool }: SourceBook): SourceName {
  return { name: source.name, pool };
}

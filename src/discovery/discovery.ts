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
  pool: string;
  settings: PoolSettings;
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

/** A source that is to go, and the new ones of its pool that have told nothing yet. */
interface Leaving {
  readonly book: SourceBook;
  readonly awaits: readonly SourceBook[];
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
  #books: readonly SourceBook[];
  /** Sources that are no longer configured, each until those that take its place have told their pods. */
  #leaving: readonly Leaving[] = [];
  #stopped = false;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
    this.#books = parts.sources.map((source) => this.#newBook(source));
    parts.pools.complete = parts.sources.length === 0;
    // A pool is known by its name before it has pods.
    for (const { pool, settings } of parts.sources) if (pool !== "") parts.pools.obtain(pool, settings);
  }

  /** Resolves when every source has published or failed; a failed source does not keep the others. */
  async start(): Promise<void> {
    await Promise.all(this.#books.map((book) => this.#startSource(book)));
  }

  /**
   * Starts the sources that are new, and resolves when each has had its say, or at `patience`. The answer makes these
   * the sources, at once; until then nothing changes. A source that goes is believed until those that come into its
   * pool have told their pods, so that a new source in trouble leaves no pool empty.
   */
  async prepare(sources: readonly PooledSource[], patience: Promise<unknown>): Promise<() => void> {
    const known = new Map(this.#books.map((book) => [book.source, book]));
    const next = sources.map((each) => ({ each, book: known.get(each.source) ?? this.#newBook(each) }));
    const fresh = next.map(({ book }) => book).filter(({ source }) => !known.has(source));
    await Promise.race([Promise.all(fresh.map((book) => this.#startSource(book))), patience]);
    return () => {
      for (const { each, book } of next) Object.assign(book, { pool: each.pool, settings: each.settings });
      this.#replace(next.map(({ book }) => book));
    };
  }

  stop(): void {
    this.#stopped = true;
    for (const { source } of this.#believed()) source.stop();
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

  #newBook(source: PooledSource): SourceBook {
    return new SourceBook(source, this.#parts.now());
  }

  /** Those that are configured, and then those that are to go. */
  #believed(): readonly SourceBook[] {
    return this.#leaving.length === 0 ? this.#books : [...this.#books, ...this.#leaving.map(({ book }) => book)];
  }

  #replace(books: readonly SourceBook[]): void {
    if (this.#stopped) {
      for (const { source } of books) source.stop();
      return;
    }
    const going = this.#believed().filter((book) => !books.includes(book));
    this.#books = books;
    this.#leaving = going.map((book) => ({
      book,
      awaits: books.filter(({ pool, pods }) => pool === book.pool && pods === undefined),
    }));
    this.#letGo();
    this.#apply({ name: "the configuration", pool: "" })?.();
  }

  /** Stops the sources whose place is taken. */
  #letGo(): void {
    const isDue = ({ awaits }: Leaving) => awaits.every(({ pods }) => pods !== undefined);
    for (const { book } of this.#leaving.filter(isDue)) book.source.stop();
    this.#leaving = this.#leaving.filter((leaving) => !isDue(leaving));
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
    this.#letGo();
    const change = this.#apply(nameOf(book));
    this.#good(book);
    change?.();
  }

  /** Brings table and pools up to date; the answer tells of it, undefined where no pod came or went. */
  #apply(source: SourceName): (() => void) | undefined {
    const { table, events } = this.#parts;
    const { joined, left } = table.reconcile(this.#union());
    this.#fillPools();
    this.#parts.pools.complete = this.#books.every(({ pods: told }) => told !== undefined);
    return joined.length > 0 || left.length > 0 ? () => events.changed({ source, joined, left }) : undefined;
  }

  #union(): PodSpec[] {
    const byAddress = new Map<string, PodSpec>();
    for (const { pods = [] } of this.#believed()) {
      for (const pod of pods) if (!byAddress.has(pod.address)) byAddress.set(pod.address, pod);
    }
    return [...byAddress.values()];
  }

  #fillPools(): void {
    const { table, pools } = this.#parts;
    const members = new Map<string, Set<Pod>>(pools.all.map(({ name }) => [name, new Set()]));
    for (const book of this.#believed()) {
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

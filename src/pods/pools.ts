/** All pools of the process by name, in the order of the configuration. */
import type { Pod } from "./pod-table.ts";
import { Pool, type PoolParts, type PoolSettings } from "./pool.ts";
import type { ModelEntry } from "./served-models.ts";

/** So long a model whose pods are gone is out of order rather than unknown: a restart of all of them takes less. */
const KEPT_EMPTY_MS = 5 * 60_000;

export class Pools {
  readonly #parts: PoolParts;
  readonly #byName = new Map<string, Pool>();
  /** Of adopted pools, since when they were seen empty; NaN while they were not. */
  readonly #emptySinceMs = new Map<Pool, number>();
  /** What all pools list, and the lists it was made from. */
  #entries: { readonly from: readonly (readonly ModelEntry[])[]; readonly joined: readonly ModelEntry[] } = {
    from: [],
    joined: [],
  };
  /** All of them; replaced when one is added or dropped. */
  all: readonly Pool[] = [];
  /** Has every source of pods told its set? Until then a pool or a model may exist that nobody has named yet. Kept by discovery. */
  complete = true;

  constructor(parts: PoolParts) {
    this.#parts = parts;
    parts.models.onChange((pod) => {
      for (const pool of this.all) pool.heard(pod);
    });
  }

  /** The pool of this name, made if there is none yet. It stays when its pods are gone: it is empty, not unknown. */
  obtain(name: string, settings: PoolSettings): Pool {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const pool = new Pool(name, settings, this.#parts);
    this.#byName.set(name, pool);
    this.all = [...this.all, pool];
    return pool;
  }

  /** The same for a name that no configuration holds but a source tells with its pods: `expire` may drop such a pool. */
  adopt(name: string, settings: PoolSettings): Pool {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const pool = this.obtain(name, settings);
    this.#emptySinceMs.set(pool, Number.NaN);
    return pool;
  }

  /**
   * Drops adopted pools that have been seen empty for some minutes: names that labels bring are without end, and a model
   * that was retired is to be unknown again. Called now and then with a time that never goes back.
   */
  expire(nowMs: number): void {
    const gone = new Set<Pool>();
    for (const [pool, sinceMs] of this.#emptySinceMs) {
      if (pool.members.size > 0) this.#emptySinceMs.set(pool, Number.NaN);
      else if (Number.isNaN(sinceMs)) this.#emptySinceMs.set(pool, nowMs);
      else if (nowMs - sinceMs >= KEPT_EMPTY_MS) gone.add(pool);
    }
    if (gone.size > 0) this.#keep(this.all.filter((pool) => !gone.has(pool)));
  }

  /**
   * Makes the configured pools these, in this order. Others stay, as adopted ones, where the configuration has one pool
   * for all names that pods give, with the settings of that; else they are no pools any more.
   */
  arrange(configured: readonly { readonly name: string; readonly settings: PoolSettings }[]): void {
    const forOthers = configured.find(({ name }) => name === "")?.settings;
    const named = configured.filter(({ name }) => name !== "");
    const names = new Set(named.map(({ name }) => name));
    const others = forOthers === undefined ? [] : this.all.filter(({ name }) => !names.has(name));
    for (const pool of others) {
      pool.settings = forOthers ?? pool.settings;
      if (!this.#emptySinceMs.has(pool)) this.#emptySinceMs.set(pool, Number.NaN);
    }
    const kept = named.map(({ name, settings }) => {
      const pool = this.obtain(name, settings);
      pool.settings = settings;
      this.#emptySinceMs.delete(pool);
      return pool;
    });
    this.#keep([...kept, ...others]);
  }

  #keep(pools: readonly Pool[]): void {
    this.all = pools;
    this.#byName.clear();
    for (const pool of pools) this.#byName.set(pool.name, pool);
    for (const pool of this.#emptySinceMs.keys()) if (!pools.includes(pool)) this.#emptySinceMs.delete(pool);
  }

  byName(name: string): Pool | undefined {
    return this.#byName.get(name);
  }

  /** Is nothing known that could be picked, or not everything yet? Then what is missing may come. */
  get mayGrow(): boolean {
    return !this.complete || this.all.every(({ members }) => members.size === 0);
  }

  /** The models of all pools, each once, those of the first pools first; the same array until one changes. */
  entries(): readonly ModelEntry[] {
    const parts = this.all.map((pool) => pool.entries());
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    const { from, joined } = this.#entries;
    if (from.length === parts.length && from.every((part, i) => part === parts[i])) return joined;
    const found = new Map<string, ModelEntry>();
    for (const entry of parts.flat()) if (!found.has(entry.id)) found.set(entry.id, entry);
    this.#entries = { from: parts, joined: [...found.values()] };
    return this.#entries.joined;
  }

  /** The pools a pod belongs to. */
  of(pod: Pod): Pool[] {
    return this.all.filter((pool) => pool.has(pod));
  }
}

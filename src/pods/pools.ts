/** All pools of the process by name, in the order of the configuration. */
import type { Pod } from "./pod-table.ts";
import { Pool, type PoolParts, type PoolSettings } from "./pool.ts";

export class Pools {
  readonly #parts: PoolParts;
  readonly #byName = new Map<string, Pool>();
  /** All of them; replaced when one is added. */
  all: readonly Pool[] = [];

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** The pool of this name, made if there is none yet. A pool stays when its pods are gone: it is empty, not unknown. */
  obtain(name: string, settings: PoolSettings): Pool {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const pool = new Pool(name, settings, this.#parts);
    this.#byName.set(name, pool);
    this.all = [...this.all, pool];
    return pool;
  }

  byName(name: string): Pool | undefined {
    return this.#byName.get(name);
  }

  /** The pools a pod belongs to. */
  of(pod: Pod): Pool[] {
    return this.all.filter((pool) => pool.has(pod));
  }
}

/** What the objectives that requests name are worth: by pool and name a priority, as objects state it. */

export class Objectives {
  readonly #byPool = new Map<string, ReadonlyMap<string, number>>();

  /** Replaces what was stated of the pool's objectives. */
  set(pool: string, priorities: ReadonlyMap<string, number>): void {
    if (priorities.size === 0) this.#byPool.delete(pool);
    else this.#byPool.set(pool, priorities);
  }

  /** 0 where nobody states one; what is below it is given up first. */
  priorityOf(pool: string, objective: string): number {
    return this.#byPool.get(pool)?.get(objective) ?? 0;
  }
}

/** The most recent decisions, in a ring, for the admin port. No prompt and no header is kept. */
import type { Picked } from "../routing/decision.ts";

interface Entry {
  readonly atMs: number;
  readonly decision: Picked;
  readonly elapsedMs: number;
  readonly shadow: boolean;
}

export class DecisionTrace {
  readonly #entries: Entry[] = [];
  readonly #size: number;
  /** Of decisions in observability mode: the address that served instead. */
  readonly #served = new WeakMap<Picked, string>();
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  add(atMs: number, decision: Picked, elapsedMs: number, shadow: boolean): void {
    this.#entries[this.#next] = { atMs, decision, elapsedMs, shadow };
    this.#next = (this.#next + 1) % this.#size;
  }

  /** The pick was none, and this address served. */
  served(decision: Picked, address: string): void {
    this.#served.set(decision, address);
  }

  /** Newest first. */
  latest(): object[] {
    const ordered = [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)].reverse();
    return ordered.map(({ atMs, decision, elapsedMs, shadow }) => ({
      at: new Date(atMs).toISOString(),
      pool: decision.pool.name,
      pod: decision.pod.name,
      address: decision.pod.address,
      reason: decision.reason,
      ...(decision.strategy !== undefined && { strategy: decision.strategy }),
      score: decision.score,
      model: decision.model,
      ...(decision.rewrite !== undefined && { target: decision.rewrite.target, rewrite: decision.rewrite.outcome }),
      ...(decision.priority !== undefined && { priority: decision.priority }),
      milliseconds: Math.round(elapsedMs * 1000) / 1000,
      shadow,
      ...(this.#served.has(decision) && { served: this.#served.get(decision) }),
    }));
  }
}

/** Streams whose answer is held back, and the time it is due: one timer for all of them, none while nothing is held. */

export interface Held {
  readonly dueAtMs: number;
  onDue(): void;
}

const SWEEP_MS = 20;

export class Deadlines {
  readonly #held = new Set<Held>();
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(held: Held): void {
    this.#held.add(held);
    this.#timer ??= setInterval(this.#sweep, SWEEP_MS).unref();
  }

  delete(held: Held): void {
    this.#held.delete(held);
  }

  readonly #sweep = (): void => {
    const now = this.#now();
    for (const held of this.#held) {
      if (held.dueAtMs <= now) held.onDue();
    }
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}

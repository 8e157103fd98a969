/**
 * Who may ask for an explanation: a few uploads at a time, inside the budget of the bodies that requests hold, and none
 * for as long as the last one took, so that picks have at least half of the thread whatever is asked.
 */
import type { BufferBudget } from "../request/body-buffer.ts";

/** One upload; both may be called more than once. */
export interface Upload {
  /** Its bytes no longer count: the explanation asks whether there is room for the body. */
  giveBytes(): void;
  leave(): void;
}

const MOST_UPLOADS = 4;
/** What is over sooner needs no rest. */
const SHORT_MS = 5;

export class ExplainGate {
  readonly #budget: Pick<BufferBudget, "take" | "give">;
  readonly #now: () => number;
  #uploads = 0;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(budget: Pick<BufferBudget, "take" | "give">, now: () => number) {
    this.#budget = budget;
    this.#now = now;
  }

  /** For a body of at most so many bytes; "full": the budget has no room for them. */
  enter(bytes: number): Upload | "busy" | "full" {
    if (this.#uploads >= MOST_UPLOADS) return "busy";
    if (!this.#budget.take(bytes)) return "full";
    this.#uploads++;
    let held = bytes;
    let isIn = true;
    const giveBytes = () => {
      this.#budget.give(held);
      held = 0;
    };
    const leave = () => {
      giveBytes();
      if (isIn) this.#uploads--;
      isIn = false;
    };
    return { giveBytes, leave };
  }

  /** Runs it if it is its turn. */
  take<T>(run: () => T): T | "busy" {
    const startedAtMs = this.#now();
    if (startedAtMs < this.#restsUntilMs) return "busy";
    try {
      return run();
    } finally {
      const endedAtMs = this.#now();
      const tookMs = endedAtMs - startedAtMs;
      if (tookMs > SHORT_MS) this.#restsUntilMs = endedAtMs + tookMs;
    }
  }
}

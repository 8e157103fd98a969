/** A timer source moved by hand, for code that would otherwise wait for real time. */
import type { TimerSource } from "../../src/engine-model/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

export class HandTimers implements TimerSource {
  #nowMs: number;
  readonly #timers = new Set<Timer>();

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  set(run: () => void, delayMs: number): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#timers.add(timer);
    return timer;
  }

  clear(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass without any timer firing: the event loop was busy. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  /** Fires the next timer, `lateMs` after its time; false when there is none. */
  fireNext(lateMs = 0): boolean {
    const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0];
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.dueMs + lateMs);
    next.run();
    return true;
  }
}

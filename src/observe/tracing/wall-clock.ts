/**
 * Milliseconds of the clock that never goes back, as the time of the day with fractions, which spans are compared by.
 * The wall clock tells whole milliseconds and is set now and then: only what is off by more than that is taken over.
 */

const TOLERATED_MS = 2;

export class WallClock {
  readonly #now: () => number;
  readonly #wallNow: () => number;
  #offsetMs: number;

  constructor(now: () => number, wallNow: () => number = Date.now) {
    this.#now = now;
    this.#wallNow = wallNow;
    this.#offsetMs = wallNow() - now();
  }

  /** What is to be added to our milliseconds of just now. One span has one of them, so that its parts add up. */
  offsetMs(): number {
    const offsetMs = this.#wallNow() - this.#now();
    // The fraction that the wall clock does not tell makes it late, never early.
    const isLater = offsetMs > this.#offsetMs;
    if (isLater || this.#offsetMs - offsetMs > TOLERATED_MS) this.#offsetMs = offsetMs;
    return this.#offsetMs;
  }
}

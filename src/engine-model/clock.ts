/** The two clocks an engine may run on: virtual time for simulations, real time (sped up or not) for the fake pod. */
import { EventHeap } from "./event-heap.ts";

export type Cancel = () => void;

export interface Clock {
  /** Model milliseconds since the clock was made; never runs backwards. */
  now(): number;
  schedule(delayMs: number, run: () => void): Cancel;
}

/** Jumps from event to event: a simulated hour takes as long as its events take to run. */
export class VirtualClock implements Clock {
  readonly #events = new EventHeap();
  #nowMs = 0;

  now(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const event = this.#events.add(this.#nowMs + Math.max(0, delayMs), run);
    return () => {
      event.run = null;
    };
  }

  /** Runs every event, those that are added on the way included. */
  runUntilIdle(): void {
    this.#runDue(Number.POSITIVE_INFINITY);
  }

  /** Runs what is due up to and including `untilMs`, and leaves the clock there. */
  runUntil(untilMs: number): void {
    this.#runDue(untilMs);
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** An event may add others, so the heap is asked again each time. */
  #runDue(limitMs: number): void {
    for (let event = this.#events.take(limitMs); event !== null; event = this.#events.take(limitMs)) {
      this.#nowMs = event.dueMs;
      event.run?.();
    }
  }
}

/** Where real time comes from; tests put their own here. */
export interface TimerSource {
  now(): number;
  set(run: () => void, delayMs: number): unknown;
  clear(timer: unknown): void;
}

/** Node's own. */
const systemTimers: TimerSource = {
  now: () => performance.now(),
  set: (run, delayMs) => setTimeout(run, delayMs),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Events run in one turn before the event loop gets a breath: a clock that cannot keep up must not starve the sockets. */
const eventsPerTurn = 256;

/**
 * Real time, `speed` model milliseconds per wall millisecond. Timers fire late, so while an event runs `now()` is the
 * time it was due at: a chain of steps then takes exactly its model time instead of adding up the delays.
 */
export class RealClock implements Clock {
  readonly #events = new EventHeap();
  readonly #source: TimerSource;
  readonly #speed: number;
  readonly #originMs: number;
  /** The latest time anybody was told. */
  #seenMs = 0;
  #firing = false;
  #timer: unknown = null;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(speed = 1, source: TimerSource = systemTimers) {
    if (!(speed > 0)) throw new RangeError(`speed must be above 0, got ${speed}`);
    this.#speed = speed;
    this.#source = source;
    this.#originMs = source.now();
  }

  now(): number {
    if (!this.#firing) this.#seenMs = Math.max(this.#seenMs, this.#wallMs());
    return this.#seenMs;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const event = this.#events.add(this.now() + Math.max(0, delayMs), run);
    this.#arm();
    return () => {
      event.run = null;
    };
  }

  /** Forgets every event and stops the timer. */
  stop(): void {
    this.#events.clear();
    this.#disarm();
  }

  #wallMs(): number {
    return (this.#source.now() - this.#originMs) * this.#speed;
  }

  /** One timer at most: for the next event, set anew only when an earlier one is added. */
  #arm(): void {
    if (this.#firing) return;
    const dueMs = this.#events.nextDueMs();
    if (dueMs >= this.#timerDueMs) return;
    this.#disarm();
    this.#timerDueMs = dueMs;
    this.#timer = this.#source.set(() => this.#fire(), Math.max(0, (dueMs - this.#wallMs()) / this.#speed));
  }

  #disarm(): void {
    if (this.#timer !== null) this.#source.clear(this.#timer);
    this.#timer = null;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#timer = null;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    // Events that come due while these run wait for the next turn.
    const limitMs = this.#wallMs();
    this.#firing = true;
    try {
      for (let count = 0; count < eventsPerTurn; count++) {
        const event = this.#events.take(limitMs);
        if (event === null) break;
        this.#seenMs = Math.max(this.#seenMs, event.dueMs);
        event.run?.();
      }
    } finally {
      this.#firing = false;
      this.#arm();
    }
  }
}

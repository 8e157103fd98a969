/**
 * Requests in flight per pod: one ticket per pick, closed exactly once whatever ends the stream.
 *
 * Where Envoy ends the stream before the answer is over, the end cannot be seen. Such a ticket becomes an estimate:
 * it counts until a scrape shows that the pod has fewer requests than we believe (the oldest estimates go first), or
 * until a few typical lifetimes have passed.
 */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";

/** A scrape may show a request one moment late; a younger ticket is not judged by it. */
const SETTLE_MS = 250;
const FIRST_LIFETIME_MS = 10_000;
const SHORTEST_LIFETIME_MS = 1_000;
const LONGEST_LIFETIME_MS = 300_000;
/** An estimate is dropped after this many mean lifetimes. */
const LIFETIMES = 3;
const LEARNING_RATE = 0.05;

/** A pick that counts on its pod until it is closed. */
export interface Ticket {
  readonly slot: Slot;
  readonly generation: number;
  readonly openedAtMs: number;
  open: boolean;
}

export class InFlight {
  readonly #table: PodTable;
  readonly #now: () => number;
  /** Estimates by slot, oldest first. */
  readonly #estimates = new Map<Slot, Ticket[]>();
  #meanLifetimeMs = FIRST_LIFETIME_MS;
  /** Tickets open whose end will be seen. */
  streaming = 0;
  /** Tickets whose stream is over and whose request may not be. */
  estimated = 0;

  constructor(table: PodTable, now: () => number) {
    this.#table = table;
    this.#now = now;
    table.onLeave((pod) => this.#forget(pod.slot));
  }

  open(pod: Pod): Ticket {
    this.#table.columns.inFlight[pod.slot] = (this.#table.columns.inFlight[pod.slot] ?? 0) + 1;
    this.streaming++;
    return { slot: pod.slot, generation: pod.generation, openedAtMs: this.#now(), open: true };
  }

  /** The request is over. Closing twice does nothing. */
  close(ticket: Ticket): void {
    if (!ticket.open) return;
    ticket.open = false;
    this.streaming--;
    this.#learnLifetime(ticket);
    this.#decrement(ticket);
  }

  /** The request goes elsewhere: counts no longer, and says nothing of how long requests take. */
  withdraw(ticket: Ticket): void {
    if (!ticket.open) return;
    ticket.open = false;
    this.streaming--;
    this.#decrement(ticket);
  }

  /** The stream is over, the request probably not. */
  estimate(ticket: Ticket): void {
    if (!ticket.open) return;
    this.streaming--;
    if (!this.#table.isCurrent(ticket.slot, ticket.generation)) {
      ticket.open = false;
      return;
    }
    this.estimated++;
    const queue = this.#estimates.get(ticket.slot);
    if (queue === undefined) this.#estimates.set(ticket.slot, [ticket]);
    else queue.push(ticket);
  }

  /** A scrape begun at `startedAtMs` found `load` requests in the pod: more estimates than that are over. */
  correct(slot: Slot, load: number, startedAtMs: number): void {
    const queue = this.#estimates.get(slot);
    if (queue === undefined || Number.isNaN(load)) return;
    const judged = queue.filter((ticket) => ticket.openedAtMs <= startedAtMs - SETTLE_MS).length;
    if (judged > load) this.#dropOldest(slot, queue, judged - load, true);
  }

  /** Drops estimates that have lasted too long to be believed; called about once a second. */
  expire(): void {
    const before = this.#now() - this.#longestEstimateMs();
    for (const [slot, queue] of this.#estimates) {
      const young = queue.findIndex((ticket) => ticket.openedAtMs >= before);
      this.#dropOldest(slot, queue, young === -1 ? queue.length : young, false);
    }
  }

  #longestEstimateMs(): number {
    return Math.min(LONGEST_LIFETIME_MS, Math.max(SHORTEST_LIFETIME_MS, this.#meanLifetimeMs * LIFETIMES));
  }

  #dropOldest(slot: Slot, queue: Ticket[], count: number, seenOver: boolean): void {
    for (const ticket of queue.splice(0, count)) {
      ticket.open = false;
      this.estimated--;
      if (seenOver) this.#learnLifetime(ticket);
      this.#decrement(ticket);
    }
    if (queue.length === 0) this.#estimates.delete(slot);
  }

  #learnLifetime(ticket: Ticket): void {
    this.#meanLifetimeMs += LEARNING_RATE * (this.#now() - ticket.openedAtMs - this.#meanLifetimeMs);
  }

  #decrement(ticket: Ticket): void {
    if (!this.#table.isCurrent(ticket.slot, ticket.generation)) return;
    this.#table.columns.inFlight[ticket.slot] = (this.#table.columns.inFlight[ticket.slot] ?? 1) - 1;
  }

  #forget(slot: Slot): void {
    const queue = this.#estimates.get(slot) ?? [];
    this.#estimates.delete(slot);
    this.estimated -= queue.length;
    for (const ticket of queue) ticket.open = false;
  }
}

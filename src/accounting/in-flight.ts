/**
 * Requests in flight per pod: one ticket per pick, closed exactly once whatever ends the stream.
 *
 * Where Envoy ends the stream before the answer is over, the end cannot be seen. Such a ticket becomes an estimate:
 * it counts until a scrape shows that the pod has fewer requests than we believe (the oldest estimates go first), or
 * until a few typical lifetimes have passed. The end of an estimate is no news of the pod: its readings stay.
 */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";
import type { Pin } from "../prefix/prefix-index.ts";
import { LiveReadings } from "./live-readings.ts";
import type { Ticket } from "./ticket.ts";
import { noPins, type Pins, TicketPins } from "./ticket-pins.ts";
import { TokenLoad } from "./token-load.ts";

export type { Ticket };

/** A scrape may show a request one moment late; a younger ticket is not judged by it. */
const JUDGED_AFTER_MS = 250;
const FIRST_LIFETIME_MS = 10_000;
const SHORTEST_LIFETIME_MS = 1_000;
const LONGEST_LIFETIME_MS = 300_000;
/** An estimate is dropped after this many mean lifetimes. */
const LIFETIMES = 3;
const LEARNING_RATE = 0.05;

export class InFlight {
  readonly #table: PodTable;
  readonly #now: () => number;
  readonly #readings: LiveReadings;
  readonly #tokens: TokenLoad;
  readonly #pins: TicketPins;
  /** Estimates by slot, oldest first. */
  readonly #estimates = new Map<Slot, Ticket[]>();
  readonly #picks: number[] = [];
  #meanLifetimeMs = FIRST_LIFETIME_MS;
  /** Tickets open whose end will be seen. */
  streaming = 0;
  /** Tickets whose stream is over and whose request may not be. */
  estimated = 0;

  constructor(table: PodTable, now: () => number, pins: Pins = noPins) {
    this.#table = table;
    this.#now = now;
    this.#readings = new LiveReadings(table);
    this.#tokens = new TokenLoad(table);
    this.#pins = new TicketPins(pins);
    table.onLeave((pod) => this.#forget(pod.slot));
  }

  /** `uncachedTokens`: of the prompt, what the pod has to read. */
  open({ slot, generation }: Pod, uncachedTokens = 0): Ticket {
    const pendingTokens = Math.round(uncachedTokens);
    const ticket: Ticket = {
      slot,
      generation,
      openedAtMs: this.#now(),
      pendingTokens,
      pin: undefined,
      stage: "streaming",
    };
    this.streaming++;
    this.#picks[slot] = this.picks(slot) + 1;
    this.#count(ticket);
    return ticket;
  }

  /** What the prefix index keeps for the request; it is let go when the ticket ends. */
  hold(ticket: Ticket, pin: Pin | undefined): void {
    this.#pins.held(ticket, pin);
  }

  /** The pod has served a request that had no ticket: it keeps the prompt, and nothing counts. */
  passed(pin: Pin | undefined): void {
    this.#pins.read(pin);
  }

  /** The request is over. Closing twice does nothing. */
  close(ticket: Ticket): void {
    if (ticket.stage !== "streaming") return;
    ticket.stage = "over";
    this.streaming--;
    this.#learnLifetime(ticket);
    this.#pins.ended(ticket);
    if (this.#uncount(ticket)) this.#readings.ended(ticket, this.#now());
  }

  /** The pick is taken back: counts no longer, and says nothing of how long requests take. */
  withdraw(ticket: Ticket): void {
    if (ticket.stage !== "streaming") return;
    ticket.stage = "over";
    this.streaming--;
    this.#pins.withdrawn(ticket);
    if (!this.#uncount(ticket)) return;
    this.#picks[ticket.slot] = this.picks(ticket.slot) - 1;
    this.#readings.withdrawn(ticket);
  }

  /** Another pod than the one picked has served the request: the ticket counts on that one. */
  move(ticket: Ticket, pod: Pod): void {
    if (ticket.stage !== "streaming") return;
    if (ticket.slot === pod.slot && ticket.generation === pod.generation) return;
    this.#pins.moved(ticket, pod.slot, pod.generation);
    if (this.#uncount(ticket)) this.#readings.withdrawn(ticket);
    ticket.slot = pod.slot;
    ticket.generation = pod.generation;
    this.#count(ticket);
  }

  /** The pod's answer has begun: it has read the prompt. */
  promptRead(ticket: Ticket): void {
    if (ticket.stage !== "over" && this.#isHere(ticket)) this.#tokens.promptRead(ticket);
  }

  /** The pod answered without having read the prompt, or somebody else answered for it. */
  promptUnread(ticket: Ticket): void {
    this.promptRead(ticket);
    this.#pins.withdrawn(ticket);
  }

  /** The stream is over, the request probably not. */
  estimate(ticket: Ticket): void {
    if (ticket.stage !== "streaming") return;
    this.streaming--;
    if (!this.#isHere(ticket)) {
      ticket.stage = "over";
      this.#pins.ended(ticket);
      return;
    }
    ticket.stage = "estimated";
    this.estimated++;
    const queue = this.#estimates.get(ticket.slot);
    if (queue === undefined) this.#estimates.set(ticket.slot, [ticket]);
    else queue.push(ticket);
  }

  /** Picks of the slot's present tenant so far, without those taken back. */
  picks(slot: Slot): number {
    return this.#picks[slot] ?? 0;
  }

  /**
   * The columns of the pod hold a new page, asked for at `startedAtMs` and complete at `endedAtMs`; called before
   * anything else is opened. When it was made in between nobody says: the middle errs least, and to either side alike.
   */
  scraped(pod: Pod, startedAtMs: number, endedAtMs = this.#now()): void {
    const { slot, generation } = pod;
    if (!this.#table.isCurrent(slot, generation)) return;
    const { waiting, running } = this.#table.columns;
    this.correct(slot, (waiting[slot] ?? Number.NaN) + (running[slot] ?? Number.NaN), startedAtMs);
    this.#readings.scraped(slot, (startedAtMs + endedAtMs) / 2);
  }

  /** A scrape begun at `startedAtMs` found `load` requests in the pod: more estimates than that are over. */
  correct(slot: Slot, load: number, startedAtMs: number): void {
    const queue = this.#estimates.get(slot);
    if (queue === undefined || Number.isNaN(load)) return;
    const judged = queue.filter((ticket) => ticket.openedAtMs <= startedAtMs - JUDGED_AFTER_MS).length;
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
      ticket.stage = "over";
      this.estimated--;
      if (seenOver) this.#learnLifetime(ticket);
      this.#pins.ended(ticket);
      this.#uncount(ticket);
    }
    if (queue.length === 0) this.#estimates.delete(slot);
  }

  #learnLifetime(ticket: Ticket): void {
    this.#meanLifetimeMs += LEARNING_RATE * (this.#now() - ticket.openedAtMs - this.#meanLifetimeMs);
  }

  /** Is the ticket's pod still the one in its slot? */
  #isHere(ticket: Ticket): boolean {
    return this.#table.isCurrent(ticket.slot, ticket.generation);
  }

  #count(ticket: Ticket): void {
    if (!this.#isHere(ticket)) return;
    const { inFlight } = this.#table.columns;
    inFlight[ticket.slot] = (inFlight[ticket.slot] ?? 0) + 1;
    this.#readings.opened(ticket);
    this.#tokens.opened(ticket);
  }

  /** False when the ticket's pod has left, and with it what it counted. */
  #uncount(ticket: Ticket): boolean {
    if (!this.#isHere(ticket)) return false;
    const { inFlight } = this.#table.columns;
    inFlight[ticket.slot] = (inFlight[ticket.slot] ?? 1) - 1;
    this.#tokens.ended(ticket);
    return true;
  }

  #forget(slot: Slot): void {
    const queue = this.#estimates.get(slot) ?? [];
    this.#estimates.delete(slot);
    this.#readings.forget(slot);
    this.#picks[slot] = 0;
    this.estimated -= queue.length;
    for (const ticket of queue) {
      ticket.stage = "over";
      this.#pins.ended(ticket);
    }
  }
}

/**
 * Ends the pins that tickets hold in the prefix index: each exactly once, whatever ends the request. A pin forgotten
 * would keep its blocks for as long as its pod lives.
 */
import type { Slot } from "../pods/pod-table.ts";
import type { Pin } from "../prefix/prefix-index.ts";
import type { Ticket } from "./ticket.ts";

/** The prefix index, as far as tickets know it. */
export interface Pins {
  /** The request is over, and the pod has read its prompt. */
  release(pin: Pin | undefined): void;
  /** The pod has not read the prompt. */
  withdraw(pin: Pin | undefined): void;
  /** Another pod served it: its pin, which takes the place of the one given. */
  move(pin: Pin | undefined, slot: Slot, generation: number): Pin | undefined;
}

/** Where no scorer reads the prefix index, no ticket has a pin. */
export const noPins: Pins = { release: () => {}, withdraw: () => {}, move: () => undefined };

export class TicketPins {
  readonly #pins: Pins;

  constructor(pins: Pins) {
    this.#pins = pins;
  }

  /** The pick was learnt. Its stream may have ended in the meantime. */
  held(ticket: Ticket, pin: Pin | undefined): void {
    if (ticket.stage === "over") this.#pins.withdraw(pin);
    else ticket.pin = pin;
  }

  ended(ticket: Ticket): void {
    this.#pins.release(taken(ticket));
  }

  /** Of a request that is over before it could have a ticket. */
  read(pin: Pin | undefined): void {
    this.#pins.release(pin);
  }

  withdrawn(ticket: Ticket): void {
    this.#pins.withdraw(taken(ticket));
  }

  /** Before the ticket names the other pod. */
  moved(ticket: Ticket, slot: Slot, generation: number): void {
    ticket.pin = this.#pins.move(taken(ticket), slot, generation);
  }
}

/** The ticket lets go of it, so that it cannot be ended twice, nor kept in memory by a stream that lingers. */
function taken(ticket: Ticket): Pin | undefined {
  const { pin } = ticket;
  ticket.pin = undefined;
  return pin;
}

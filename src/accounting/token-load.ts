/**
 * Keeps the column pendingTokens: prompt tokens of our picks that a pod had not cached and has still to read. A ticket
 * brings them with it; they go when the pod shows that it has read the prompt, or with the ticket.
 */
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { Ticket } from "./ticket.ts";

export class TokenLoad {
  readonly #table: PodTable;

  constructor(table: PodTable) {
    this.#table = table;
  }

  /** The ticket counts on its pod, which is still there. */
  opened({ slot, pendingTokens }: Ticket): void {
    this.#add(slot, pendingTokens);
  }

  /** The ticket counts on its pod no longer. */
  ended({ slot, pendingTokens }: Ticket): void {
    this.#add(slot, -pendingTokens);
  }

  /** The first token of the answer has come. */
  promptRead(ticket: Ticket): void {
    this.ended(ticket);
    ticket.pendingTokens = 0;
  }

  /** Whole numbers, so that what was added is exactly what is taken away. */
  #add(slot: Slot, tokens: number): void {
    const { pendingTokens } = this.#table.columns;
    pendingTokens[slot] = (pendingTokens[slot] ?? 0) + tokens;
  }
}

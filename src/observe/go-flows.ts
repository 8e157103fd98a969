/**
 * Requests of tenants and priorities in flight, for the gauges by pod. The totals are kept elsewhere: only what is not
 * the plain flow is noted here, so that requests without tenant and priority cost nothing.
 */
import type { Ticket } from "../accounting/in-flight.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";

interface Flow {
  readonly tenant: string;
  readonly priority: string;
}

export interface FlowLoad extends Flow {
  readonly slot: Slot;
  requests: number;
  tokens: number;
}

/** Tickets that are over are forgotten when as many are noted. */
const FIRST_SWEEP = 1024;

export class FlowTickets {
  readonly #open = new Map<Ticket, Flow>();
  #sweepAt = FIRST_SWEEP;

  add(ticket: Ticket, tenant: string, priority: string): void {
    if (this.#open.size >= this.#sweepAt) this.#sweep();
    this.#open.set(ticket, { tenant, priority });
  }

  /** What is in flight, by pod and flow. */
  loads(table: PodTable): FlowLoad[] {
    this.#sweep();
    const loads = new Map<string, FlowLoad>();
    for (const [{ slot, generation, pendingTokens }, { tenant, priority }] of this.#open) {
      if (!table.isCurrent(slot, generation)) continue;
      const key = `${slot} ${priority} ${tenant}`;
      const load = loads.get(key) ?? { slot, tenant, priority, requests: 0, tokens: 0 };
      load.requests++;
      load.tokens += pendingTokens;
      loads.set(key, load);
    }
    return [...loads.values()];
  }

  #sweep(): void {
    for (const ticket of this.#open.keys()) if (ticket.stage === "over") this.#open.delete(ticket);
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#open.size * 2);
  }
}

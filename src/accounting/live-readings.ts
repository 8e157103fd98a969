/**
 * Keeps the columns waiting and running true between scrapes: what the last page said, shifted at once by every request
 * sent to the pod or over since.
 *
 *            page made          opened      ended     now
 *   waiting      0                  0          0        0
 *   running      3                  4          3        3
 *
 * NaN stays NaN: without a page there is nothing to correct.
 */
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { Ticket } from "./ticket.ts";

/** From the pick to the pod's own count a request takes about this long: younger ones are not on the page. */
const SETTLE_MS = 20;
/** Begins and ends remembered per pod in case a page misses them; of more during one scrape some are missed. */
const RECENT = 128;

class Readings {
  /** Largest batch on any page; it is the pod's limit if something `waited` beside it. */
  largestBatch = 0;
  waited = false;
  /** The page knows the requests opened until then; later ones are in the columns by our own count. */
  pageUntilMs = Number.NEGATIVE_INFINITY;
  /** A ring that is packed at every page, so that only tickets no page knows are looked at again. */
  readonly recent: (Ticket | undefined)[] = new Array<Ticket | undefined>(RECENT).fill(undefined);
  added = 0;
  /** A ring of the ends since the last page. */
  readonly ends: End[] = [];
  ended = 0;
}

interface End {
  readonly openedAtMs: number;
  readonly atMs: number;
}

export class LiveReadings {
  readonly #table: PodTable;
  readonly #bySlot: (Readings | undefined)[] = [];

  constructor(table: PodTable) {
    this.#table = table;
  }

  /** The pod has one request more, unless its page knows it already. */
  opened(ticket: Ticket): void {
    const readings = this.#of(ticket.slot);
    if (ticket.openedAtMs <= readings.pageUntilMs) return;
    readings.recent[readings.added++ % RECENT] = ticket;
    this.#add(ticket.slot, readings);
  }

  /** The pod has one request less. */
  ended({ slot, openedAtMs }: Ticket, atMs: number): void {
    const readings = this.#of(slot);
    readings.ends[readings.ended++ % RECENT] = { openedAtMs, atMs };
    this.#subtract(slot);
  }

  /** The pod never got the request: a page made since then is right without a correction. */
  withdrawn(ticket: Ticket): void {
    const readings = this.#of(ticket.slot);
    if (ticket.openedAtMs <= readings.pageUntilMs) return;
    const at = readings.recent.indexOf(ticket);
    if (at !== -1) readings.recent[at] = undefined;
    this.#subtract(ticket.slot);
  }

  /** The columns hold a new page, made at about `madeAtMs`: makes up for what has begun and ended since. */
  scraped(slot: Slot, madeAtMs: number): void {
    const readings = this.#of(slot);
    this.#learnLimit(slot, readings);
    readings.pageUntilMs = madeAtMs - SETTLE_MS;
    const held = Math.min(readings.added, RECENT);
    readings.added = 0;
    for (let i = 0; i < held; i++) {
      const ticket = readings.recent[i];
      if (ticket === undefined || ticket.stage === "over" || ticket.openedAtMs <= readings.pageUntilMs) continue;
      readings.recent[readings.added++] = ticket;
      this.#add(slot, readings);
    }
    // What is over by now is no news to any later page.
    for (const { openedAtMs, atMs } of readings.ends)
      if (atMs > madeAtMs && openedAtMs <= readings.pageUntilMs) this.#subtract(slot);
    readings.ends.length = 0;
    readings.ended = 0;
  }

  forget(slot: Slot): void {
    this.#bySlot[slot] = undefined;
  }

  #of(slot: Slot): Readings {
    let readings = this.#bySlot[slot];
    if (readings === undefined) {
      readings = new Readings();
      this.#bySlot[slot] = readings;
    }
    return readings;
  }

  /** It joins the queue if there is one or the batch is full, else the batch. */
  #add(slot: Slot, { waited, largestBatch }: Readings): void {
    const { waiting, running } = this.#table.columns;
    const queued = waiting[slot] ?? Number.NaN;
    const batch = running[slot] ?? Number.NaN;
    if (queued > 0 || (waited && batch >= largestBatch)) waiting[slot] = queued + 1;
    else running[slot] = batch + 1;
  }

  /** It leaves the batch, where one from the queue takes its place. */
  #subtract(slot: Slot): void {
    const { waiting, running } = this.#table.columns;
    const queued = waiting[slot] ?? Number.NaN;
    if (queued > 0) waiting[slot] = Math.max(0, queued - 1);
    else running[slot] = Math.max(0, (running[slot] ?? Number.NaN) - 1);
  }

  /** A batch larger than any before, with nothing waiting, disproves the limit; a queue beside the largest shows it. */
  #learnLimit(slot: Slot, readings: Readings): void {
    const queued = (this.#table.columns.waiting[slot] ?? Number.NaN) > 0;
    const batch = this.#table.columns.running[slot] ?? Number.NaN;
    if (batch > readings.largestBatch) {
      readings.largestBatch = batch;
      readings.waited = queued;
    } else if (queued && batch > 0 && batch === readings.largestBatch) readings.waited = true;
  }
}

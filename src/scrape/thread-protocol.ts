/** What the two sides of the scraping thread agree on; batches in the other direction are the outbox's. */
import type { ScrapeOptions } from "./scrape-options.ts";

export interface WorkerSetup {
  readonly seed: number;
}

export type Command =
  | {
      readonly kind: "watch";
      readonly ids: readonly number[];
      readonly addresses: readonly string[];
      readonly options: ScrapeOptions;
    }
  | { readonly kind: "drop"; readonly id: number }
  /** The batch sent last has been read. */
  | { readonly kind: "read" }
  /** To be answered with `alive`. */
  | { readonly kind: "ping" }
  | { readonly kind: "stop" };

/** What a thread that can do anything says to a ping. */
export const alive = "alive";

/** Never goes back, and is the same in every thread, unlike performance.now. */
export function threadClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

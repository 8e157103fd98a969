/** What stands between the scraper and whoever does the asking: in its own thread, in a worker, or in a test. */
import type { ModelList } from "../pods/served-models.ts";
import type { PageTraits } from "./engine-page.ts";
import type { ScrapeOptions } from "./scrape-options.ts";
import type { ScrapeOutcome } from "./scrape-outcome.ts";

/** A pod as the work knows it; the number is never used for another. */
export interface PodAddress {
  readonly id: number;
  readonly address: string;
}

export interface ScrapeResult {
  readonly outcome: ScrapeOutcome;
  /** The pod answered in full, whatever it said. */
  readonly answered: boolean;
  readonly seconds: number;
  /** On the scraper's clock. */
  readonly startedAtMs: number;
  /** In the order of numberNames; of use where the outcome is ok or partial, and only during the call. */
  readonly numbers: Float64Array;
}

/** What the work tells. A pod's traits come before the result of the page they are from. */
export interface WorkEvents {
  scraped(id: number, result: ScrapeResult): void;
  /** With every change. */
  traits(id: number, traits: PageTraits): void;
  models(id: number, list: ModelList): void;
  /** The work broke down and begins anew by itself. */
  failed(problem: string): void;
}

export interface ScrapeWork {
  /** Asks these pods from now on. */
  watch(pods: readonly PodAddress[], options: ScrapeOptions): void;
  /** Nothing is told of this pod any more. */
  drop(id: number): void;
  /** Resolves when every connection is closed. */
  stop(): Promise<void>;
}

/** The scraper's own clock and chance go with it. */
export interface WorkParts {
  readonly events: WorkEvents;
  now(): number;
  random(): number;
}

export type StartWork = (parts: WorkParts) => ScrapeWork;

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
  readonly seconds: number;
  /** On the scraper's clock. */
  readonly startedAtMs: number;
  /** In the order of numberNames; of use where the outcome is ok or partial, and only during the call. */
  readonly numbers: Float64Array;
}

/** What the work tells. A pod's traits and details come before the result of the request they are from. */
export interface WorkEvents {
  scraped(id: number, result: ScrapeResult): void;
  /** Does the port that requests go to take connections? With every change. */
  reached(id: number, is: boolean): void;
  /** So many results, of whatever pods, were not told, since newer ones came before that. */
  overtaken(outcome: ScrapeOutcome, count: number): void;
  /** With every change. */
  traits(id: number, traits: PageTraits): void;
  models(id: number, list: ModelList): void;
  /** What was asked and what came of it, for the operator: with every change, "" once all is well. */
  detail(id: number, text: string): void;
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

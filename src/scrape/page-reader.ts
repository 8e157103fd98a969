/** Reads one pod's pages: finds out which engine wrote them, and looks for that one's words alone from then on. */
import type { PageTraits } from "./engine-page.ts";
import { type Engine, engines, numberNames, readingNames } from "./engines.ts";
import type { BodyReader } from "./page-request.ts";
import { MetricsParser } from "./parse-metrics.ts";
import { RestartWatch } from "./restart-watch.ts";
import type { ScrapeOptions } from "./scrape-options.ts";
import type { ScrapeOutcome } from "./scrape-outcome.ts";

export class PageReader implements BodyReader {
  /** Of the last page that ended, in the order of numberNames. */
  numbers: Float64Array = new Float64Array(numberNames.length).fill(Number.NaN);
  /** Of the last page that was whole; the same object as long as nothing changes. */
  traits: PageTraits | undefined;
  /** Those that a page may be of. */
  readonly #among: readonly Engine[];
  readonly #restarts = new RestartWatch();
  #parser: MetricsParser;
  /** The engine the parser is made for; undefined while it looks for all of them. */
  #settledOn: Engine | undefined;

  constructor(engine: ScrapeOptions["engine"]) {
    this.#among = engine === "auto" ? engines : "numbers" in engine ? [engine] : engine;
    this.#settledOn = this.#among.length === 1 ? this.#among[0] : undefined;
    this.#parser = new MetricsParser(this.#among);
  }

  reset(): void {
    this.#parser.reset();
  }

  write(chunk: Buffer): void {
    this.#parser.write(chunk);
  }

  /** The whole page is here. */
  end(): "ok" | "partial" | "unreadable" {
    const parser = this.#parser;
    const { known, expected, whole, engine } = parser.end();
    this.numbers = parser.numbers;
    if (known > 0) {
      if (this.#restarts.sees(parser.numbers)) parser.forget();
      this.traits = parser.traits;
    }
    this.#settle(engine, known === expected && whole);
    if (known === 0) return "unreadable";
    return known === expected && whole ? "ok" : "partial";
  }

  /** What a page that was read badly has to do without, in words. */
  lacking(outcome: ScrapeOutcome): string {
    if (outcome === "partial") {
      const missing = readingNames.filter((_, i) => Number.isNaN(this.numbers[i]));
      return missing.length === 0 ? "" : `nothing usable for ${missing.join(", ")}`;
    }
    if (outcome !== "unreadable") return "";
    const names = this.#among.map(({ name }) => name).join(" or ");
    return this.#among === engines ? "no known engine's metrics" : `none of the metrics of ${names}`;
  }

  /** A page that does not fit may be another engine's: the next one is looked at with all of them in mind. */
  #settle(engine: Engine | undefined, fits: boolean): void {
    if (this.#among.length === 1) return;
    const next = fits && engine?.vague !== true ? engine : undefined;
    if (next === this.#settledOn) return;
    this.#settledOn = next;
    this.#parser = new MetricsParser(next === undefined ? this.#among : [next]);
  }
}

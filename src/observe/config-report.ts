/** What becomes of changes in the config file -> counts, and one log line that says everything. */
import type { ReloadEvents } from "../config/config-reload.ts";
import type { Logger } from "./log.ts";
import { cleanText } from "./log-cleaning.ts";
import type { Instruments } from "./metrics.ts";

/** What became of the file's last change. */
export interface LastReload {
  readonly at: string;
  readonly outcome: "applied" | "unchanged" | "refused";
  /** Why it was refused. */
  readonly faults: readonly string[];
  /** What of it waits for the next start. */
  readonly needRestart: readonly string[];
}

export class ConfigReport implements ReloadEvents {
  /** Absent until the file changes. */
  last: LastReload | undefined;
  readonly #log: Logger;
  readonly #instruments: Instruments;

  constructor(log: Logger, instruments: Instruments) {
    this.#log = log;
    this.#instruments = instruments;
    instruments.configRefused.set(0);
  }

  applied(changes: readonly string[], needRestart: readonly string[]): void {
    this.#note("applied", [], needRestart);
    if (changes.length > 0) this.#log.info({ changes }, "the config file changed, and is in force");
    if (needRestart.length > 0) this.#log.warn({ needRestart }, "a change in the config file needs a restart");
  }

  unchanged(): void {
    this.#note("unchanged", [], []);
    this.#log.info("the config file was written anew and says the same");
  }

  refused(said: readonly string[]): void {
    // They quote what was written, and others than the log show them.
    const faults = said.map((fault) => cleanText(fault));
    this.#note("refused", faults, this.last?.needRestart ?? []);
    this.#log.error({ faults }, "the config file is not fit to use: the last good configuration stays in force");
  }

  #note(outcome: LastReload["outcome"], faults: readonly string[], needRestart: readonly string[]): void {
    this.last = { at: new Date().toISOString(), outcome, faults, needRestart };
    this.#instruments.configReloads.add({ outcome });
    this.#instruments.configRefused.set(outcome === "refused" ? 1 : 0);
  }
}

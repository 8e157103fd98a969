/** What becomes of changes in the config file -> counts, and one log line that says everything. */
import type { ReloadEvents } from "../config/config-reload.ts";
import type { Logger } from "./log.ts";
import type { Instruments } from "./metrics.ts";

export class ConfigReport implements ReloadEvents {
  readonly #log: Logger;
  readonly #instruments: Instruments;

  constructor(log: Logger, instruments: Instruments) {
    this.#log = log;
    this.#instruments = instruments;
  }

  applied(changes: readonly string[], needRestart: readonly string[]): void {
    this.#count("applied");
    if (changes.length > 0) this.#log.info({ changes }, "the config file changed, and is in force");
    if (needRestart.length > 0) this.#log.warn({ needRestart }, "a change in the config file needs a restart");
  }

  unchanged(): void {
    this.#count("unchanged");
    this.#log.info("the config file was written anew and says the same");
  }

  refused(faults: readonly string[]): void {
    this.#count("refused");
    this.#log.error({ faults }, "the config file is not fit to use: the last good configuration stays in force");
  }

  #count(outcome: "applied" | "unchanged" | "refused"): void {
    this.#instruments.configReloads.add({ outcome });
  }
}

/** What becomes of spans -> a count, and one log line when the collector cannot be reached and one when it can again. */
import type { Logger } from "../log.ts";
import type { Instruments } from "../metrics.ts";
import type { SpanEvents } from "./span-queue.ts";

export class SpanReport implements SpanEvents {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  #isFailing = false;

  constructor(log: Logger, instruments: Instruments) {
    this.#log = log;
    this.#instruments = instruments;
  }

  sent(spans: number): void {
    this.#instruments.spans.add({ outcome: "sent" }, spans);
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#log.info("the collector takes spans again");
  }

  failed(spans: number, error: unknown): void {
    this.#instruments.spans.add({ outcome: "failed" }, spans);
    if (this.#isFailing) return;
    this.#isFailing = true;
    // Nothing of what the collector answered.
    const problem = error instanceof Error ? error.message : "it gave no reason";
    this.#log.warn({ problem }, "spans cannot be sent, and are lost until the collector takes them again; picks go on");
  }

  dropped(): void {
    this.#instruments.spans.add({ outcome: "dropped" });
  }
}

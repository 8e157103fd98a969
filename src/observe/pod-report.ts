/** What discovery and scrapes find -> counts, log lines at changes only, and the gauges of every pod. */
import type { InFlight } from "../accounting/in-flight.ts";
import type { PodChange, SourceFailure } from "../pods/discovery.ts";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { ScrapeEvents, ScrapeOutcome } from "../pods/scraper.ts";
import type { ScorerFaults } from "../routing/scoring-plan.ts";
import { labelText, type PolledFamily } from "./instruments.ts";
import { type Logger, Once } from "./log.ts";
import type { Instruments } from "./metrics.ts";

const outcomeWords: Record<ScrapeOutcome, string> = {
  ok: "the pod's metrics are read again",
  refused: "the pod refuses connections: it leaves the candidates until it answers",
  timeout: "the pod's metrics do not come in time: its readings become unknown",
  status: "the pod answers its metrics with an error status: its readings become unknown",
  unreadable: "the pod's metrics cannot be read: its readings become unknown",
};

export class PodReport implements ScrapeEvents, ScorerFaults {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  readonly #inFlight: InFlight;
  /** Last outcome by pod, to say changes only. */
  readonly #outcomes = new WeakMap<Pod, ScrapeOutcome>();
  readonly #once = new Once();

  constructor(log: Logger, instruments: Instruments, inFlight: InFlight) {
    this.#log = log;
    this.#instruments = instruments;
    this.#inFlight = inFlight;
  }

  scraped(pod: Pod, outcome: ScrapeOutcome, seconds: number, load: number, startedAtMs: number): void {
    this.#instruments.scrapes.add({ outcome });
    this.#instruments.scrapeSeconds.observe(seconds);
    if (outcome === "ok") this.#inFlight.correct(pod.slot, load, startedAtMs);
    const before = this.#outcomes.get(pod);
    this.#outcomes.set(pod, outcome);
    if (before === outcome) return;
    const fields = { pod: pod.name, address: pod.address, outcome };
    if (outcome !== "ok") this.#log.warn(fields, outcomeWords[outcome]);
    else if (before !== undefined) this.#log.info(fields, outcomeWords.ok);
  }

  changed({ source, joined, left }: PodChange): void {
    const names = (pods: readonly Pod[]) => pods.map((pod) => pod.name);
    this.#log.info({ source, joined: names(joined), left: names(left) }, "the set of pods changed");
  }

  sourceFailed({ source, message }: SourceFailure): void {
    this.#log.warn({ source, problem: message }, "a source of pods cannot tell at present; its last set stays");
  }

  threw(scorer: string, error: unknown): void {
    this.#instruments.scorerFaults.add({ scorer });
    this.#once.do(`threw ${scorer}`, () => this.#log.error({ scorer, err: error }, "a scorer threw and is left out"));
  }

  outOfRange(scorer: string): void {
    this.#instruments.scorerOutOfRange.add({ scorer });
    this.#once.do(`range ${scorer}`, () => this.#log.error({ scorer }, "a scorer left 0..1; its scores are clamped"));
  }
}

/** The gauges of every pod, read from the table whenever they are asked for; what is unknown is absent, not zero. */
export function readPodGauges(table: PodTable, instruments: Instruments): void {
  const labels = new WeakMap<Pod, string>();
  const labelsOf = (pod: Pod): string => {
    const known = labels.get(pod);
    if (known !== undefined) return known;
    const made = labelText("pod", pod.name);
    labels.set(pod, made);
    return made;
  };
  // The arrays are asked for each time: the table replaces them when it grows.
  const connect = (family: PolledFamily, values: () => ArrayLike<number>) =>
    family.readFrom((write) => {
      for (const pod of table.pods()) write(labelsOf(pod), values()[pod.slot] ?? Number.NaN);
    });
  connect(instruments.podWaiting, () => table.columns.waiting);
  connect(instruments.podRunning, () => table.columns.running);
  connect(instruments.podKvUsage, () => table.columns.kvUsage);
  connect(instruments.podInFlight, () => table.columns.inFlight);
  connect(instruments.podReachable, () => table.reachable);
}

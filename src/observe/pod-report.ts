/** What discovery and scrapes find -> counts, log lines at changes only, and the gauges of every pod. */
import type { InFlight } from "../accounting/in-flight.ts";
import type { SetAsideEvents } from "../accounting/set-aside.ts";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { ModelList, ServedModels } from "../pods/served-models.ts";
import type { ScorerFaults } from "../routing/scoring-plan.ts";
import { outcomeMeanings, type ScrapeEvents, type ScrapeOutcome } from "../scrape/scraper.ts";
import { labelText, type PolledFamily } from "./instruments.ts";
import { type Logger, Once } from "./log.ts";
import type { Instruments } from "./metrics.ts";

export interface PodReportParts {
  readonly log: Logger;
  readonly instruments: Instruments;
  readonly inFlight: InFlight;
  readonly models: ServedModels;
  /** What was learnt of the pod's cache is no longer true. */
  readonly forget: (pod: Pod) => void;
}

export class PodReport implements ScrapeEvents, ScorerFaults, SetAsideEvents {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  readonly #inFlight: InFlight;
  readonly #models: ServedModels;
  readonly #forget: (pod: Pod) => void;
  /** Last outcome by pod, to say changes only. */
  readonly #outcomes = new WeakMap<Pod, ScrapeOutcome>();
  readonly #once = new Once();

  constructor({ log, instruments, inFlight, models, forget }: PodReportParts) {
    this.#forget = forget;
    this.#log = log;
    this.#instruments = instruments;
    this.#inFlight = inFlight;
    this.#models = models;
  }

  scraped(pod: Pod, outcome: ScrapeOutcome, seconds: number, _load: number, startedAtMs: number): void {
    this.#instruments.scrapes.add({ outcome });
    this.#instruments.scrapeSeconds.observe(seconds);
    if (outcome === "ok" || outcome === "partial") this.#inFlight.scraped(pod, startedAtMs);
    const before = this.#outcomes.get(pod);
    this.#outcomes.set(pod, outcome);
    if (before === outcome) return;
    const fields = { pod: pod.name, address: pod.address, outcome };
    if (outcome !== "ok") this.#log.warn(fields, `scraping the pod: ${outcomeMeanings[outcome]}`);
    else if (before !== undefined) this.#log.info(fields, "the pod's metrics are read well again");
  }

  restarted(pod: Pod): void {
    this.#log.info(
      { pod: pod.name, address: pod.address },
      "another process answers for the pod: its cache begins anew",
    );
    this.#forget(pod);
  }

  workerFailed(problem: string): void {
    this.#instruments.faults.add({ where: "scraping" });
    this.#log.error({ problem }, "the scraping thread died and is started again; until then readings grow old");
  }

  models(pod: Pod, list: ModelList): void {
    const before = this.#models.of(pod);
    this.#models.set(pod, list);
    const models = list.entries.map(({ id }) => id);
    this.#log.info(
      { pod: pod.name, models, told: list.kind === "listed" },
      before ? "the pod's models changed" : "the pod's models",
    );
  }

  setAside(pod: Pod, forMs: number, why: string): void {
    this.#instruments.podsSetAside.add({});
    this.#log.warn({ pod: pod.name, address: pod.address, forMs, why }, "the pod fails requests: it is set aside");
  }

  letIn(pod: Pod): void {
    this.#log.info({ pod: pod.name, address: pod.address }, "the pod serves requests again");
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
export function readPodGauges(table: PodTable, scraper: { ageMs(pod: Pod): number }, instruments: Instruments): void {
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
  instruments.podAge.readFrom((write) => {
    for (const pod of table.pods()) write(labelsOf(pod), scraper.ageMs(pod) / 1000);
  });
  connect(instruments.podReachable, () => table.reachable);
  connect(instruments.podSetAside, () => table.setAside);
}

/** What discovery and scrapes find -> counts, log lines at changes only, and the gauges of every pod. */
import type { InFlight } from "../accounting/in-flight.ts";
import type { SetAsideEvents } from "../accounting/set-aside.ts";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { ModelList, ServedModels } from "../pods/served-models.ts";
import type { ScorerFaults } from "../routing/scoring-plan.ts";
import { outcomeMeanings, type ScrapeEvents, type ScrapeOutcome } from "../scrape/scraper.ts";
import type { PolledFamily } from "./instruments.ts";
import { Brake, type Logger, type Logs, Once } from "./log.ts";
import type { Instruments } from "./metrics.ts";
import { podLabels } from "./pod-labels.ts";

/** Who keeps what is believed of the pods' caches. */
export interface PodCaches {
  /** The pod's page was read: it may tell another size than before. */
  told(pod: Pod): void;
  /** What was learnt of the pod's cache is no longer true. */
  lost(pod: Pod): void;
}

export interface PodReportParts {
  readonly logs: Pick<Logs, "of">;
  readonly instruments: Instruments;
  readonly inFlight: InFlight;
  readonly models: ServedModels;
  readonly caches: PodCaches;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/** A pod that goes back and forth between outcomes is told of each so often at most. */
const CALM_MS = 30_000;
const NAMED_AT_MOST = 20;

/** What the log has said of a pod's scrapes: the outcome last, and when each was. */
interface Said {
  outcome: ScrapeOutcome;
  readonly atMs: Map<ScrapeOutcome, number>;
}

export class PodReport implements ScrapeEvents, ScorerFaults, SetAsideEvents {
  /** Of the scrapes, of the pods' standing, and of the scorers. */
  readonly #log: Logger;
  readonly #pods: Logger;
  readonly #routing: Logger;
  readonly #instruments: Instruments;
  readonly #inFlight: InFlight;
  readonly #models: ServedModels;
  readonly #caches: PodCaches;
  readonly #now: () => number;
  /** To say changes only. */
  readonly #said = new WeakMap<Pod, Said>();
  readonly #outcomeLines: Brake;
  readonly #restartLines: Brake;
  readonly #modelLines: Brake;
  readonly #once = new Once();

  constructor({ logs, instruments, inFlight, models, caches, now }: PodReportParts) {
    this.#now = now;
    this.#outcomeLines = new Brake(now);
    this.#restartLines = new Brake(now);
    this.#modelLines = new Brake(now);
    this.#caches = caches;
    this.#log = logs.of("scrape");
    this.#pods = logs.of("pods");
    this.#routing = logs.of("routing");
    this.#instruments = instruments;
    this.#inFlight = inFlight;
    this.#models = models;
  }

  scraped(pod: Pod, outcome: ScrapeOutcome, seconds: number, _load: number, startedAtMs: number, detail: string): void {
    this.#instruments.scrapes.add({ outcome });
    this.#instruments.scrapeSeconds.observe(seconds);
    if (outcome === "ok" || outcome === "partial") {
      this.#inFlight.scraped(pod, startedAtMs, startedAtMs + seconds * 1000);
      this.#caches.told(pod);
    }
    this.#sayOutcome(pod, outcome, detail);
  }

  overtaken(outcome: ScrapeOutcome, count: number): void {
    this.#instruments.scrapes.add({ outcome }, count);
  }

  /** What is held back is said with a later scrape, if it is still true then. */
  #sayOutcome(pod: Pod, outcome: ScrapeOutcome, detail: string): void {
    // That all is well from the beginning is no news.
    const said = this.#said.get(pod) ?? { outcome: "ok", atMs: new Map() };
    if (said.outcome === outcome) return;
    const now = this.#now();
    if (now - (said.atMs.get(outcome) ?? Number.NEGATIVE_INFINITY) < CALM_MS) return;
    this.#outcomeLines.do(() => {
      const fields = { pod: pod.name, address: pod.address, outcome };
      if (outcome !== "ok") this.#log.warn({ ...fields, detail }, `scraping the pod: ${outcomeMeanings[outcome]}`);
      else this.#log.info(fields, "the pod's metrics are read well again");
      said.outcome = outcome;
      said.atMs.set(outcome, now);
      this.#said.set(pod, said);
    });
  }

  restarted(pod: Pod): void {
    const fields = { pod: pod.name, address: pod.address };
    this.#restartLines.do((dropped) =>
      this.#log.info({ ...fields, dropped }, "another process answers for the pod: its cache begins anew"),
    );
    this.#caches.lost(pod);
  }

  workerFailed(problem: string): void {
    this.#instruments.faults.add({ where: "scraping" });
    this.#log.error({ problem }, "the scraping thread died and is started again; until then readings grow old");
  }

  models(pod: Pod, list: ModelList): void {
    const before = this.#models.of(pod);
    this.#models.set(pod, list);
    const models = list.entries.slice(0, NAMED_AT_MOST).map(({ id }) => id);
    const fields = { pod: pod.name, models, count: list.entries.length, told: list.kind === "listed" };
    this.#modelLines.do((dropped) =>
      this.#log.info({ ...fields, dropped }, before ? "the pod's models changed" : "the pod's models"),
    );
  }

  setAside(pod: Pod, forMs: number, why: string): void {
    this.#instruments.podsSetAside.add({});
    this.#pods.warn({ pod: pod.name, address: pod.address, forMs, why }, "the pod fails requests: it is set aside");
  }

  letIn(pod: Pod): void {
    this.#pods.info({ pod: pod.name, address: pod.address }, "the pod serves requests again");
  }

  threw(scorer: string, error: unknown): void {
    this.#instruments.scorerFaults.add({ scorer });
    this.#once.do(`threw ${scorer}`, () =>
      this.#routing.error({ scorer, err: error }, "a scorer threw and is left out"),
    );
  }

  outOfRange(scorer: string): void {
    this.#instruments.scorerOutOfRange.add({ scorer });
    this.#once.do(`range ${scorer}`, () =>
      this.#routing.error({ scorer }, "a scorer left 0..1; its scores are clamped"),
    );
  }
}

/** The gauges of every pod, read from the table whenever they are asked for; what is unknown is absent, not zero. */
export function readPodGauges(table: PodTable, scraper: { ageMs(pod: Pod): number }, instruments: Instruments): void {
  // The arrays are asked for each time: the table replaces them when it grows.
  const connect = (family: PolledFamily, values: () => ArrayLike<number>) =>
    family.readFrom((write) => {
      for (const pod of table.pods()) write(podLabels(pod), values()[pod.slot] ?? Number.NaN);
    });
  connect(instruments.podWaiting, () => table.columns.waiting);
  connect(instruments.podRunning, () => table.columns.running);
  connect(instruments.podKvUsage, () => table.columns.kvUsage);
  connect(instruments.podInFlight, () => table.columns.inFlight);
  connect(instruments.podPendingTokens, () => table.columns.pendingTokens);
  connect(instruments.podTtft, () => table.columns.ttft);
  connect(instruments.podTpot, () => table.columns.tpot);
  instruments.podAge.readFrom((write) => {
    for (const pod of table.pods()) write(podLabels(pod), scraper.ageMs(pod) / 1000);
  });
  connect(instruments.podReachable, () => table.reachable);
  connect(instruments.podSetAside, () => table.setAside);
}

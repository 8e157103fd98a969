/** One pod scraped on virtual time through scripted clients, in this thread: a test plays the pod step by step. */
import { VirtualClock } from "../../src/engine-model/clock.ts";
import { type Pod, PodTable } from "../../src/pods/pod-table.ts";
import type { ModelList } from "../../src/pods/served-models.ts";
import { inlineScrapes } from "../../src/scrape/inline-scrapes.ts";
import { type GivenScrapeOptions, Scraper, scrapeOptions } from "../../src/scrape/scraper.ts";
import { ScriptedClient, type ScriptedExchange } from "./scripted-client.ts";

/** Intervals are 1000 ms and exact, and nobody asks for models, unless told otherwise. */
export function scrapeOne(given: GivenScrapeOptions = {}) {
  const clock = new VirtualClock();
  const table = new PodTable();
  table.reconcile([{ name: "a", address: "10.0.0.1:8000" }]);
  const pod = table.byAddress("10.0.0.1:8000") as Pod;
  const clients: ScriptedClient[] = [];
  const reports: unknown[][] = [];
  const details: string[] = [];
  const models: ModelList[] = [];
  const told = { react: (): void => undefined, restarts: 0 };
  const chance = { value: 0.5 };
  const connect = (origin: string) => {
    const client = new ScriptedClient(origin);
    clients.push(client);
    return client.asDispatcher();
  };
  const after = (ms: number, run: () => void) => clock.schedule(ms, run);
  const scraper = new Scraper({
    table,
    events: {
      scraped: (...report) => {
        details.push(report.pop() as string);
        reports.push(report);
        told.react();
      },
      overtaken: () => {},
      models: (_, list) => models.push(list),
      restarted: () => told.restarts++,
      workerFailed: () => {},
    },
    now: () => clock.now(),
    random: () => chance.value,
    after,
    startWork: inlineScrapes({ after, connect }),
  });
  const options = { timeoutMs: 500, stalenessMs: 5000, pageLimitBytes: 1000, modelsPath: "", ...given };
  scraper.watch([pod], scrapeOptions(options));
  const exchanges = () => clients.flatMap((client) => client.exchanges);
  return {
    clock,
    table,
    pod,
    clients,
    reports,
    details,
    models,
    chance,
    told,
    scraper,
    exchanges,
    outcomes: () => reports.map((report) => report[1]),
    readings: () => ({
      waiting: table.columns.waiting[pod.slot],
      running: table.columns.running[pod.slot],
      kvUsage: table.columns.kvUsage[pod.slot],
    }),
    reachable: () => table.reachable[pod.slot],
    /** Moves on to the next request and returns it with the time that passed. */
    next(limitMs = 10_000) {
      const from = clock.now();
      const before = new Set(exchanges());
      const fresh = () => exchanges().find((exchange) => !before.has(exchange));
      for (let ms = 0; ms <= limitMs && fresh() === undefined; ms++) clock.runUntil(from + ms);
      return { afterMs: clock.now() - from, exchange: fresh() as ScriptedExchange };
    },
  };
}

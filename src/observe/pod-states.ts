/** What the pods look like now, for the operator: facts, readings and their age; what is unknown is null. */
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { Pools } from "../pods/pools.ts";
import type { ServedModels } from "../pods/served-models.ts";
import type { PodFacts } from "../scrape/scraper.ts";

/** The parts of the process that know something of a pod. */
export interface PodView {
  readonly table: PodTable;
  readonly pools: Pools;
  readonly models: ServedModels;
  readonly scraper: { ageMs(pod: Pod): number; facts(pod: Pod): PodFacts | undefined };
}

export interface PodState {
  readonly name: string;
  readonly address: string;
  readonly pools: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly engine: string | null;
  readonly models: readonly string[] | null;
  readonly reachable: boolean;
  readonly setAside: boolean;
  readonly admission: number | null;
  readonly scrapeAgeSeconds: number | null;
  readonly waiting: number | null;
  readonly running: number | null;
  readonly kvUsage: number | null;
  readonly inFlight: number | null;
  readonly pendingTokens: number | null;
  readonly ttftSeconds: number | null;
  readonly tpotSeconds: number | null;
}

export function podStates({ table, pools, models, scraper }: PodView): PodState[] {
  const { columns, reachable, setAside, admission } = table;
  return table.pods().map((pod) => ({
    name: pod.name,
    address: pod.address,
    pools: pools.of(pod).map(({ name }) => name),
    labels: pod.labels,
    engine: scraper.facts(pod)?.engine || null,
    models: models.of(pod)?.entries.map(({ id }) => id) ?? null,
    reachable: reachable[pod.slot] === 1,
    setAside: setAside[pod.slot] === 1,
    admission: known(admission[pod.slot]),
    scrapeAgeSeconds: known(Math.round(scraper.ageMs(pod)) / 1000),
    waiting: known(columns.waiting[pod.slot]),
    running: known(columns.running[pod.slot]),
    kvUsage: known(columns.kvUsage[pod.slot]),
    inFlight: known(columns.inFlight[pod.slot]),
    pendingTokens: known(columns.pendingTokens[pod.slot]),
    ttftSeconds: known(columns.ttft[pod.slot]),
    tpotSeconds: known(columns.tpot[pod.slot]),
  }));
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

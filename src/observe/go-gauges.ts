/** Those of the Go picker's metrics that are kept elsewhere: pools, pods and the process, read when they are asked for. */
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";
import { type ScrapeOutcome, scrapeOutcomes } from "../scrape/scrape-outcome.ts";
import type { ValueFamily, WriteValue } from "./families.ts";
import { DEFAULT_FAIRNESS } from "./go-cells.ts";
import type { GoFamilies } from "./go-families.ts";
import type { FlowTickets } from "./go-flows.ts";
import { indexPlugin } from "./go-report.ts";
import type { HotCounter } from "./instruments.ts";

export interface GoGaugeParts {
  readonly version: string;
  readonly table: PodTable;
  readonly pools: { readonly all: readonly Pool[] };
  readonly flows: FlowTickets;
  readonly namespaceOf: (pool: string) => string;
  /** Blocks in the prefix index. */
  readonly indexEntries: () => number;
  readonly openStreams: () => number;
  readonly scrapes: Pick<HotCounter, "valueOf">;
}

/** The plugins there that ask the pods, read their pages, and count what is in flight. */
const SOURCE = "metrics-data-source";
const EXTRACTOR = "core-metrics-extractor";
const COUNTER = "inflight-load-producer";

/** Where a page came, and not what was to be on it. */
const unextracted: ReadonlySet<ScrapeOutcome> = new Set(["partial", "unreadable"]);

export function readGoGauges(to: GoFamilies, parts: GoGaugeParts): void {
  const { version, indexEntries, openStreams, scrapes } = parts;
  to.info.readFrom((write) => write(["unknown", version], 1));
  to.indexSize.readFrom((write) => write(indexPlugin, indexEntries()));
  to.streamsOpen.readFrom((write) => write([], openStreams()));
  const scrapesThat = (fits: (outcome: ScrapeOutcome) => boolean) =>
    scrapeOutcomes.filter(fits).reduce((sum, outcome) => sum + scrapes.valueOf({ outcome }), 0);
  const isExtracted = (outcome: ScrapeOutcome) => outcome === "ok" || unextracted.has(outcome);
  to.pollErrors.readFrom((write) =>
    write(
      [SOURCE],
      scrapesThat((outcome) => !isExtracted(outcome)),
    ),
  );
  to.extractErrors.readFrom((write) =>
    write(
      [SOURCE, EXTRACTOR],
      scrapesThat((outcome) => unextracted.has(outcome)),
    ),
  );
  readPools(to, parts);
  readFlows(to, parts);
}

function readPools(to: GoFamilies, { table, pools }: GoGaugeParts): void {
  const { columns } = table;
  const connect = (mean: ValueFamily, deviation: ValueFamily, column: "waiting" | "running" | "kvUsage") => {
    const each = (tell: (known: readonly number[]) => number) => (write: WriteValue) => {
      for (const pool of pools.all) {
        const readings = podsOf(pool, table).map(({ slot }) => columns[column][slot] ?? Number.NaN);
        write([pool.name], tell(readings.filter((reading) => !Number.isNaN(reading))));
      }
    };
    mean.readFrom(each(meanOf));
    deviation.readFrom(each(deviationOf));
  };
  connect(to.averageQueue, to.deviationQueue, "waiting");
  connect(to.averageRunning, to.deviationRunning, "running");
  connect(to.averageKvUsage, to.deviationKvUsage, "kvUsage");
  to.ready.readFrom((write) => {
    const isReady = ({ slot }: Pod) => table.reachable[slot] === 1 && table.setAside[slot] === 0;
    for (const pool of pools.all) write([pool.name], podsOf(pool, table).filter(isReady).length);
  });
  to.podQueue.readFrom((write) => {
    for (const pool of pools.all) {
      for (const { name, slot } of podsOf(pool, table)) write([pool.name, name], columns.waiting[slot] ?? Number.NaN);
    }
  });
}

/** The plain flow has what is left of a pod's total when the others are told. */
function readFlows(to: GoFamilies, { table, pools, flows, namespaceOf }: GoGaugeParts): void {
  const connect = (family: ValueFamily, column: "inFlight" | "pendingTokens", what: "requests" | "tokens") =>
    family.readFrom((write) => {
      const loads = flows.loads(table);
      for (const pod of table.pods()) {
        const { slot, name } = pod;
        const pool = pools.all.find((each) => each.has(pod));
        const where = [name, pool === undefined ? "" : namespaceOf(pool.name), COUNTER];
        let rest = table.columns[column][slot] ?? 0;
        for (const load of loads) {
          if (load.slot !== slot) continue;
          write([...where, load.tenant, load.priority], load[what]);
          rest -= load[what];
        }
        write([...where, DEFAULT_FAIRNESS, "0"], Math.max(rest, 0));
      }
    });
  connect(to.podRequests, "inFlight", "requests");
  connect(to.podTokens, "pendingTokens", "tokens");
}

function podsOf({ members: { slots, size } }: Pool, table: PodTable): Pod[] {
  const pods = Array.from(slots.subarray(0, size), (slot) => table.podAt(slot as Pod["slot"]));
  return pods.filter((pod) => pod !== undefined);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
}

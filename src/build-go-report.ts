/** Puts together what tells the metrics of the Go picker under its names. */
import type { RequestRecord, StreamHost } from "./ext-proc/stream-host.ts";
import type { KnownPods } from "./known-pods.ts";
import { readGoGauges } from "./observe/go-gauges.ts";
import { GoReport } from "./observe/go-report.ts";
import type { MetricNames, Metrics } from "./observe/metrics.ts";

export interface GoReportSources {
  readonly metrics: Metrics;
  readonly pods: KnownPods;
  readonly openStreams: StreamHost["openStreams"];
  readonly version: string;
  readonly now: () => number;
}

/** Begins the record of a request; undefined where metrics under those names are not asked for: then nothing is kept. */
export function reportAsGo(
  { metrics, pods, openStreams, version, now }: GoReportSources,
  names: MetricNames,
): (() => RequestRecord) | undefined {
  if (names === "pointsman") return undefined;
  const { pools, rewrites, table, index } = pods;
  const namespaceOf = (pool: string) => pods.namespaceOf(pool);
  const isKnownModel = (model: string) => rewrites.mentions(model) || pools.all.some((pool) => pool.lists(model));
  const report = new GoReport({ now, isKnownModel, namespaceOf });
  readGoGauges(report.families, {
    ...{ version, table, pools, namespaceOf },
    flows: report.flows,
    indexEntries: () => index.entries,
    openStreams: () => openStreams.size,
    scrapes: metrics.instruments.scrapes,
  });
  metrics.others.push(...Object.values(report.families));
  return () => report.open();
}

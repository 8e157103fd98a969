/**
 * The metrics of the Go picker, as data: what each is called, with which labels, what older releases call it, which of
 * ours tells the same, and what it tells where it is emitted. Instruments and the compatibility table are made from it.
 */
import { absentMetrics } from "./absent-metrics.ts";
import type { GoMetric } from "./go-metric.ts";
import { poolMetrics, processMetrics } from "./go-pool-metrics.ts";
import { decisionMetrics, requestMetrics } from "./go-request-metrics.ts";

export const GO_PREFIX = "llm_d_epp_";

/** What `--metric-names` go and both emit. */
export const emittedMetrics = { ...requestMetrics, ...decisionMetrics, ...poolMetrics, ...processMetrics } as const;

export const goMetrics: readonly GoMetric[] = [...Object.values<GoMetric>(emittedMetrics), ...absentMetrics];

/** Every metric of the picker's own, once: name, kind, labels and help; instruments, documents and tests are made of it. */

import { backendMetrics } from "./own-backend-metrics.ts";
import type { AnySpec } from "./own-metric.ts";
import { podMetrics, poolMetrics } from "./own-pod-metrics.ts";
import { indexMetrics, processMetrics } from "./own-process-metrics.ts";
import { answerMetrics, pickMetrics, streamMetrics } from "./own-request-metrics.ts";

export type { AnySpec };

/** Upper bounds of a histogram's buckets where none are declared: of what the picker does itself. */
export const SECONDS_BOUNDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];

export const metricSpecs = {
  ...processMetrics,
  ...pickMetrics,
  ...streamMetrics,
  ...answerMetrics,
  ...backendMetrics,
  ...podMetrics,
  ...poolMetrics,
  ...indexMetrics,
} as const satisfies Record<string, AnySpec>;

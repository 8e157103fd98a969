/** What each model server calls the readings pointsman wants, as data. */
import type { PodColumn } from "./columns.ts";

/** The columns read from a pod's metrics page. */
export const readingNames = ["waiting", "running", "kvUsage"] as const satisfies readonly PodColumn[];
export type Reading = (typeof readingNames)[number];

export interface ReadingSource {
  /** Metric names, the preferred one first; matched whole, since longer names with the same start count other things. */
  readonly metrics: readonly string[];
  /** How a pod's series (one per data-parallel engine) become one number. */
  readonly merge: "sum" | "max";
}

export interface ModelServer {
  readonly name: string;
  readonly readings: Readonly<Record<Reading, ReadingSource>>;
}

export const vllm: ModelServer = {
  name: "vllm",
  readings: {
    waiting: { metrics: ["vllm:num_requests_waiting"], merge: "sum" },
    running: { metrics: ["vllm:num_requests_running"], merge: "sum" },
    // The second name is what vLLM's V0 engine said.
    kvUsage: { metrics: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"], merge: "max" },
  },
};

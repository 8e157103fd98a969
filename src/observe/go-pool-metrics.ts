/** The metrics of the Go picker that tell of its pools, pods and process: what is emitted under its names, as data. */
import { emitted, extension, older, plugin } from "./go-metric.ts";

const pool = ["name"];
const flows = ["endpoint_name", "namespace", "producer_name", "fairness_id", "priority"];
const OF_KNOWN = "among pods whose reading is known";

export const poolMetrics = {
  averageKvUsage: emitted(
    "gauge",
    "average_kv_cache_utilization",
    pool,
    ["podKvUsage"],
    `Mean share of KV cache in use, ${OF_KNOWN}; absent without any.`,
    { ...older("inference_pool_average_kv_cache_utilization"), remark: "absent, not 0, where nothing is known" },
  ),
  averageQueue: emitted(
    "gauge",
    "average_queue_size",
    pool,
    ["podWaiting"],
    `Mean number of requests waiting, ${OF_KNOWN}; absent without any.`,
    { ...older("inference_pool_average_queue_size"), remark: "absent, not 0, where nothing is known" },
  ),
  averageRunning: emitted(
    "gauge",
    "average_running_requests",
    pool,
    ["podRunning"],
    `Mean number of requests running, ${OF_KNOWN}; absent without any.`,
    { ...older("inference_pool_average_running_requests"), remark: "absent, not 0, where nothing is known" },
  ),
  deviationKvUsage: emitted(
    "gauge",
    "std_dev_kv_cache_utilization",
    pool,
    ["podKvUsage"],
    `Standard deviation of the share of KV cache in use, ${OF_KNOWN}.`,
  ),
  deviationQueue: emitted(
    "gauge",
    "std_dev_queue_size",
    pool,
    ["podWaiting"],
    `Standard deviation of requests waiting, ${OF_KNOWN}.`,
  ),
  deviationRunning: emitted(
    "gauge",
    "std_dev_running_requests",
    pool,
    ["podRunning"],
    `Standard deviation of requests running, ${OF_KNOWN}.`,
  ),
  ready: emitted(
    "gauge",
    "ready_endpoints",
    pool,
    ["poolUsable"],
    "Pods of the pool that answer and are not set aside.",
    { ...older("inference_pool_ready_pods"), remark: "those that answer, where the Go picker counts fresh readings" },
  ),
  podQueue: emitted(
    "gauge",
    "per_endpoint_queue_size",
    ["name", "model_server_endpoint"],
    ["podWaiting"],
    "Requests waiting in the pod, as scraped; absent when unknown.",
    { ...older("inference_pool_per_pod_queue_size"), olderLabels: ["name", "model_server_pod"] },
  ),
  podRequests: emitted(
    "gauge",
    "inflight_requests",
    flows,
    ["podInFlight"],
    "Requests in flight to the pod by the picker's own count, by tenant and priority.",
  ),
  podTokens: emitted(
    "gauge",
    "inflight_tokens",
    flows,
    ["podPendingTokens"],
    "Uncached prompt tokens in flight to the pod that it has still to read, by estimate.",
    { remark: "until the answer begins, not until it ends" },
  ),
} as const;

const scheduler = (name: string) => older(`llm_d_inference_scheduler_${name}`);

export const processMetrics = {
  info: emitted(
    "gauge",
    "info",
    ["commit", "build_ref"],
    ["info"],
    "Always 1; build_ref is the picker's version.",
    extension("info"),
  ),
  pollErrors: emitted(
    "counter",
    "datalayer_poll_errors_total",
    ["source_type"],
    ["scrapes"],
    "Scrapes of pods that brought no page.",
    scheduler("datalayer_poll_errors_total"),
  ),
  extractErrors: emitted(
    "counter",
    "datalayer_extract_errors_total",
    ["source_type", "extractor_type"],
    ["scrapes"],
    "Scrapes of pods whose page lacks readings, or is none.",
    scheduler("datalayer_extract_errors_total"),
  ),
  indexSize: emitted(
    "gauge",
    "prefix_indexer_size",
    plugin,
    ["prefixEntries"],
    "Blocks in the prefix index, over all pods.",
    extension("prefix_indexer_size", []),
  ),
  streamsOpen: emitted("gauge", "extproc_streams_inflight", [], ["streamsOpen"], "ext_proc streams open now.", {
    remark: "there with --enable-grpc-stream-metrics only",
  }),
} as const;

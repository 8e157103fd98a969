/** The picker's own metrics of pods, of the pools they are in and of where they are known from. */
import { scrapeOutcomes } from "../scrape/scrape-outcome.ts";
import { metric, ofPod, polled } from "./own-metric.ts";

export const podMetrics = {
  podPicks: polled("counter", "pod_picks_total", ofPod, "Picks of the pod."),
  podWaiting: polled("gauge", "pod_waiting", ofPod, "Requests waiting in the pod, as scraped; absent when unknown."),
  podRunning: polled("gauge", "pod_running", ofPod, "Requests running in the pod, as scraped; absent when unknown."),
  podKvUsage: polled("gauge", "pod_kv_usage", ofPod, "Share of KV cache in use, as scraped; absent when unknown."),
  podInFlight: polled("gauge", "pod_in_flight", ofPod, "Requests in flight to the pod by the picker's own count."),
  podPendingTokens: polled(
    "gauge",
    "pod_pending_tokens",
    ofPod,
    "Uncached prompt tokens in flight to the pod that it has still to read, by estimate.",
  ),
  podPromptTokens: polled(
    "counter",
    "pod_prompt_tokens_total",
    ofPod,
    "Prompt tokens of the pod's answers that tell how many of them were cached; absent until one does.",
  ),
  podCachedTokens: polled(
    "counter",
    "pod_cached_tokens_total",
    ofPod,
    "Of those, the tokens found in the pod's cache; absent until one answer tells.",
  ),
  podTtft: polled(
    "gauge",
    "pod_ttft_seconds",
    ofPod,
    "Time to first token seen lately, of a prompt of average length; absent when unknown.",
  ),
  podTpot: polled("gauge", "pod_tpot_seconds", ofPod, "Time per further token seen lately; absent when unknown."),
  podAge: polled("gauge", "pod_scrape_age_seconds", ofPod, "Time since the pod's metrics were last read well."),
  podSetAside: polled("gauge", "pod_set_aside", ofPod, "1 while the pod gets no picks because requests to it failed."),
  podReachable: polled("gauge", "pod_reachable", ofPod, "1 while the pod takes connections and answers."),
  podsSetAside: metric(
    "counter",
    "pods_set_aside_total",
    [],
    "Times a pod was set aside because requests to it failed.",
  ),
} as const;

export const poolMetrics = {
  poolPods: polled("gauge", "pool_pods", ["pool"], "Pods of the pool."),
  poolUsable: polled("gauge", "pool_usable_pods", ["pool"], "Pods of the pool that answer and are not set aside."),
  poolTold: polled(
    "gauge",
    "pool_told_pods",
    ["pool"],
    "Pods of the pool whose queue is known: the others' readings are too old, or never came.",
  ),
  poolLeastWaiting: polled(
    "gauge",
    "pool_least_waiting",
    ["pool"],
    "Requests waiting in the usable pod of the pool that has fewest; absent when no usable pod's queue is known.",
  ),
  sourceAge: polled(
    "gauge",
    "source_age_seconds",
    ["pool", "source"],
    "Time since the source of pods was last sure of its set.",
  ),
  sourceFailures: metric(
    "counter",
    "source_failures_total",
    ["pool", "source"],
    "Looks at a source of pods that failed.",
  ),
  scrapes: metric("counter", "scrapes_total", ["outcome"], "Scrapes of pods by outcome.", {
    values: { outcome: scrapeOutcomes },
  }),
  scrapeSeconds: metric("histogram", "scrape_seconds", [], "Time of one scrape."),
} as const;

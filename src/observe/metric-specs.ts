/** Every metric of the picker's own, once: name, kind, labels and help; instruments, documents and tests are made of it. */
import { bodyUnread } from "../request/body-form.ts";
import { nameBacks } from "../rewrite/answer-names.ts";
import { rewriteOutcomes } from "../routing/decision.ts";
import type { MetricSpec } from "./instruments.ts";
import { shadowOutcomes } from "./shadow-outcomes.ts";

type Kind = "counter" | "gauge" | "histogram";
export type AnySpec = MetricSpec & { bounds?: readonly number[] } & (
    | { kind: Kind; polled?: never }
    | { kind: Exclude<Kind, "histogram">; polled: true }
  );

/** Upper bounds of a histogram's buckets: of what the picker does itself, of waits for a first token, of a token's time. */
export const SECONDS_BOUNDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
const TTFT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80];
const TPOT_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.2, 0.5, 1];

function metric<const K extends Kind>(kind: K, name: string, labels: readonly string[], help: string) {
  return { kind, name: `pointsman_${name}`, labels, help } as const;
}

/** One whose values are kept elsewhere, and asked for at each rendering. */
function polled<const K extends Exclude<Kind, "histogram">>(
  kind: K,
  name: string,
  labels: readonly string[],
  help: string,
) {
  return { ...metric(kind, name, labels, help), polled: true } as const;
}

export const metricSpecs = {
  info: metric("gauge", "info", ["version", "node"], "Always 1; the labels name the running versions."),
  picks: metric("counter", "picks_total", ["pool", "reason"], "Picks by the reason they were made for."),
  shadowPicks: metric("counter", "shadow_picks_total", ["pool"], "Would-be picks of filters in observability mode."),
  shadowAnswers: metric(
    "counter",
    "shadow_answers_total",
    ["pool", "pick"],
    `Requests watched in observability mode, by their would-be pick beside the pod that served them: ${Object.keys(shadowOutcomes).join(", ")}.`,
  ),
  podShadowPicks: polled(
    "counter",
    "pod_shadow_picks_total",
    ["pod", "address"],
    "Requests watched in observability mode that the picker would have sent to the pod.",
  ),
  podShadowServed: polled(
    "counter",
    "pod_shadow_served_total",
    ["pod", "address"],
    "Requests watched in observability mode that the pod served.",
  ),
  pickSeconds: metric(
    "histogram",
    "pick_seconds",
    [],
    "From the request headers to the pick, waiting for the body included.",
  ),
  refusals: metric("counter", "refusals_total", ["code"], "Requests answered by the picker itself, by error code."),
  streamsOpen: metric("gauge", "streams_open", [], "ext_proc streams open now."),
  streamsEnded: metric(
    "counter",
    "streams_ended_total",
    ["cause", "answered"],
    "Streams by how they ended and whether a pick or a refusal was out.",
  ),
  streamsAfterChoice: metric(
    "counter",
    "streams_after_choice_total",
    [],
    "Streams of filters in a cluster's own chain, where the pod is chosen already: passed on unchanged.",
  ),
  messages: metric("counter", "messages_total", ["kind"], "Messages received, by kind."),
  messageBytes: metric("counter", "message_bytes_total", ["kind"], "Bytes of the messages received, by kind."),
  bodyUnseen: metric(
    "counter",
    "body_unseen_total",
    ["mode"],
    "Inference requests picked without their body, by the filter's body mode.",
  ),
  bodyUnread: metric(
    "counter",
    "body_unread_total",
    ["why"],
    `Bodies that were to be read and were not: ${Object.keys(bodyUnread).join(", ")}.`,
  ),
  modeUnstated: metric("counter", "mode_unstated_total", [], "Streams whose first message lacked protocol_config."),
  faults: metric("counter", "faults_total", ["where"], "Faults inside pointsman that were survived."),
  connectionsRefused: metric(
    "counter",
    "connections_refused_total",
    ["kind"],
    "Connections to the gRPC ports that came to nothing.",
  ),
  resetFloods: metric("counter", "reset_floods_total", [], "Connections closed for resetting streams unanswered."),
  inFlight: metric(
    "gauge",
    "in_flight",
    ["source"],
    "Requests in flight by how their end is seen: on the stream, or estimated.",
  ),
  ticketsClosed: metric(
    "counter",
    "tickets_total",
    ["source"],
    "Streams with a pick that ended, by how the request's end is seen.",
  ),
  bufferedBytes: metric("gauge", "buffered_bytes", [], "Body bytes held for all requests together."),
  promptTokens: metric("counter", "prompt_tokens_total", [], "Prompt tokens, cached ones included, as answers tell."),
  cachedTokens: metric("counter", "cached_tokens_total", [], "Prompt tokens found in pods' caches, as answers tell."),
  completionTokens: metric("counter", "completion_tokens_total", [], "Generated tokens, as answers tell."),
  usageUnread: metric(
    "counter",
    "usage_unread_total",
    ["why"],
    "Answers shown to the picker that told no usage: encoded, other_form, absent or cut.",
  ),
  prefixHitTokens: metric(
    "counter",
    "prefix_hit_tokens_total",
    ["source"],
    "Cached prompt tokens of answers of which both are known: predicted at the pick, reported by the pod, and both.",
  ),
  ttftSeconds: {
    ...metric("histogram", "ttft_seconds", [], "From the pick to the first token of a streamed answer."),
    bounds: TTFT_BOUNDS,
  },
  tpotSeconds: {
    ...metric("histogram", "tpot_seconds", [], "From one token of a streamed answer to its next, mean of the answer."),
    bounds: TPOT_BOUNDS,
  },
  podWaiting: polled(
    "gauge",
    "pod_waiting",
    ["pod", "address"],
    "Requests waiting in the pod, as scraped; absent when unknown.",
  ),
  podRunning: polled(
    "gauge",
    "pod_running",
    ["pod", "address"],
    "Requests running in the pod, as scraped; absent when unknown.",
  ),
  podKvUsage: polled(
    "gauge",
    "pod_kv_usage",
    ["pod", "address"],
    "Share of KV cache in use, as scraped; absent when unknown.",
  ),
  podInFlight: polled(
    "gauge",
    "pod_in_flight",
    ["pod", "address"],
    "Requests in flight to the pod by the picker's own count.",
  ),
  podPendingTokens: polled(
    "gauge",
    "pod_pending_tokens",
    ["pod", "address"],
    "Uncached prompt tokens in flight to the pod that it has still to read, by estimate.",
  ),
  podTtft: polled(
    "gauge",
    "pod_ttft_seconds",
    ["pod", "address"],
    "Time to first token seen lately, of a prompt of average length; absent when unknown.",
  ),
  podTpot: polled(
    "gauge",
    "pod_tpot_seconds",
    ["pod", "address"],
    "Time per further token seen lately; absent when unknown.",
  ),
  podAge: polled(
    "gauge",
    "pod_scrape_age_seconds",
    ["pod", "address"],
    "Time since the pod's metrics were last read well.",
  ),
  podSetAside: polled(
    "gauge",
    "pod_set_aside",
    ["pod", "address"],
    "1 while the pod gets no picks because requests to it failed.",
  ),
  podsSetAside: metric(
    "counter",
    "pods_set_aside_total",
    [],
    "Times a pod was set aside because requests to it failed.",
  ),
  poolPods: polled("gauge", "pool_pods", ["pool"], "Pods of the pool."),
  poolUsable: polled("gauge", "pool_usable_pods", ["pool"], "Pods of the pool that answer and are not set aside."),
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
  configReloads: metric(
    "counter",
    "config_reloads_total",
    ["outcome"],
    "Changes of the config file seen while running: applied, unchanged (it says the same) or refused.",
  ),
  modelRewrites: metric(
    "counter",
    "model_rewrites_total",
    ["rule", "target", "outcome"],
    `Picks of requests whose model was to get another name, by whose rule it is (an object, config, header): ${Object.keys(rewriteOutcomes).join(", ")}. The target is not told where a header names it.`,
  ),
  modelNames: metric(
    "counter",
    "model_names_total",
    ["outcome"],
    `Answers to renamed requests, by the model's name in them: ${Object.keys(nameBacks).join(", ")}.`,
  ),
  podReachable: polled("gauge", "pod_reachable", ["pod", "address"], "1 while the pod takes connections and answers."),
  scrapes: metric("counter", "scrapes_total", ["outcome"], "Scrapes of pods by outcome."),
  scrapeSeconds: metric("histogram", "scrape_seconds", [], "Time of one scrape."),
  scorerFaults: metric(
    "counter",
    "scorer_faults_total",
    ["scorer"],
    "Requests a scorer threw on; it counted for nothing there.",
  ),
  scorerOutOfRange: metric("counter", "scorer_out_of_range_total", ["scorer"], "Requests on which a scorer left 0..1."),
  prefixEntries: metric("gauge", "prefix_index_entries", [], "Blocks in the prefix index, over all pods."),
  prefixPinned: metric(
    "gauge",
    "prefix_index_pinned",
    [],
    "Of the blocks in the prefix index, those that requests in flight need.",
  ),
  prefixBytes: metric("gauge", "prefix_index_bytes", [], "Memory of the prefix index."),
  prefixLimitBytes: metric("gauge", "prefix_index_limit_bytes", [], "Memory the prefix index may take."),
  prefixEvictions: polled(
    "counter",
    "prefix_index_evictions_total",
    [],
    "Blocks dropped from the prefix index for lack of room, in a pod's cache or in the index's limit.",
  ),
} as const satisfies Record<string, AnySpec>;

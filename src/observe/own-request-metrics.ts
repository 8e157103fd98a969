/** The picker's own metrics of requests and their answers: picks, refusals, streams, tokens. */
import { errorCodes } from "../errors.ts";
import { pickPhases } from "../ext-proc/pick-phases.ts";
import { bodyUnread } from "../request/body-form.ts";
import { unreadReasons } from "../response/answer-form.ts";
import { nameBacks } from "../rewrite/answer-names.ts";
import { rewriteOutcomes } from "../routing/decision.ts";
import { metric, ofPod, polled } from "./own-metric.ts";
import { shadowOutcomes } from "./shadow-outcomes.ts";

/** Upper bounds of a histogram's buckets: of a pick's phases, of waits for a first token, of a token's time. */
const PHASE_BOUNDS = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1];
const TTFT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80];
const TPOT_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.2, 0.5, 1];

const keys = (table: object): readonly string[] => Object.keys(table);
const listed = (table: object): string => keys(table).join(", ");

export const pickMetrics = {
  picks: metric("counter", "picks_total", ["pool", "reason"], "Picks by the reason they were made for."),
  modelPicks: metric(
    "counter",
    "model_picks_total",
    ["pool", "model"],
    "Picks by the name of the model at the pods; one that no pod of the pool lists is other, and none is empty.",
  ),
  degradedPicks: polled(
    "counter",
    "degraded_picks_total",
    ["reason"],
    "Picks made with less than the request tells: its body was not read or not kept, pods told nothing, or a fault.",
  ),
  pickSeconds: metric(
    "histogram",
    "pick_seconds",
    [],
    "From the request headers to the pick, waiting for the body included.",
  ),
  pickPhaseSeconds: metric(
    "histogram",
    "pick_phase_seconds",
    ["phase"],
    `What picks spend their time on: ${Object.entries(pickPhases)
      .map(([phase, meaning]) => `${phase} (${meaning})`)
      .join(", ")}.`,
    { values: { phase: keys(pickPhases) }, bounds: PHASE_BOUNDS },
  ),
  refusals: metric("counter", "refusals_total", ["code"], "Requests answered by the picker itself, by error code.", {
    values: { code: keys(errorCodes) },
  }),
  shadowPicks: metric("counter", "shadow_picks_total", ["pool"], "Would-be picks of filters in observability mode."),
  shadowAnswers: metric(
    "counter",
    "shadow_answers_total",
    ["pool", "pick"],
    `Requests watched in observability mode, by their would-be pick beside the pod that served them: ${listed(shadowOutcomes)}.`,
  ),
  podShadowPicks: polled(
    "counter",
    "pod_shadow_picks_total",
    ofPod,
    "Requests watched in observability mode that the picker would have sent to the pod.",
  ),
  podShadowServed: polled(
    "counter",
    "pod_shadow_served_total",
    ofPod,
    "Requests watched in observability mode that the pod served.",
  ),
  modelRewrites: metric(
    "counter",
    "model_rewrites_total",
    ["rule", "target", "outcome"],
    `Picks of requests whose model was to get another name, by whose rule it is (an object, config, header): ${listed(rewriteOutcomes)}. The target is not told where a header names it.`,
  ),
  modelNames: metric(
    "counter",
    "model_names_total",
    ["outcome"],
    `Answers to renamed requests, by the model's name in them: ${listed(nameBacks)}.`,
    { values: { outcome: keys(nameBacks) } },
  ),
  scorerFaults: metric(
    "counter",
    "scorer_faults_total",
    ["scorer"],
    "Requests a scorer threw on; it counted for nothing there.",
  ),
  scorerOutOfRange: metric("counter", "scorer_out_of_range_total", ["scorer"], "Requests on which a scorer left 0..1."),
} as const;

export const streamMetrics = {
  streamsOpen: metric("gauge", "streams_open", [], "ext_proc streams open now."),
  streamLimit: metric("gauge", "streams_limit", [], "Open streams above which requests are refused."),
  streamsEnded: metric(
    "counter",
    "streams_ended_total",
    ["cause", "answered"],
    "Streams by how they ended (half-close and cancel by the proxy, drain and abandoned by the picker) and whether a pick or a refusal was out.",
    { values: { cause: ["half-close", "cancel", "drain", "abandoned"], answered: ["true", "false"] } },
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
    `Bodies that were to be read and were not: ${listed(bodyUnread)}.`,
    { values: { why: keys(bodyUnread) } },
  ),
  modeUnstated: metric("counter", "mode_unstated_total", [], "Streams whose first message lacked protocol_config."),
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
    { values: { source: ["stream", "estimate"] } },
  ),
  bufferedBytes: metric("gauge", "buffered_bytes", [], "Body bytes held for all requests together."),
  bufferLimitBytes: metric("gauge", "buffer_limit_bytes", [], "Body bytes that may be held for all requests together."),
} as const;

export const answerMetrics = {
  promptTokens: metric("counter", "prompt_tokens_total", [], "Prompt tokens, cached ones included, as answers tell."),
  cachedTokens: metric("counter", "cached_tokens_total", [], "Prompt tokens found in pods' caches, as answers tell."),
  completionTokens: metric("counter", "completion_tokens_total", [], "Generated tokens, as answers tell."),
  cacheWrittenTokens: metric(
    "counter",
    "cache_written_tokens_total",
    [],
    "Prompt tokens that a backend put into its cache at a price, as answers tell.",
  ),
  reasoningTokens: metric(
    "counter",
    "reasoning_tokens_total",
    [],
    "Generated tokens that the client is not shown, as answers tell.",
  ),
  costs: metric("counter", "costs_total", ["key"], "What requests have cost by the rules under `costs`, by their key."),
  costsUnknown: metric(
    "counter",
    "costs_unknown_total",
    ["key"],
    "Answers of which a cost's expression had no value: an overflow, a division by nothing.",
  ),
  usageUnread: metric(
    "counter",
    "usage_unread_total",
    ["why"],
    "Answers shown to the picker that told no usage: encoded, other_form, absent or cut.",
    { values: { why: keys(unreadReasons) } },
  ),
  prefixHitTokens: metric(
    "counter",
    "prefix_hit_tokens_total",
    ["source"],
    "Cached prompt tokens of answers of which both are known: predicted at the pick, reported by the pod, and both.",
    { values: { source: ["predicted", "reported", "both"] } },
  ),
  ttftSeconds: metric("histogram", "ttft_seconds", [], "From the pick to the first token of a streamed answer.", {
    bounds: TTFT_BOUNDS,
  }),
  tpotSeconds: metric(
    "histogram",
    "tpot_seconds",
    [],
    "From one token of a streamed answer to its next, mean of the answer.",
    { bounds: TPOT_BOUNDS },
  ),
} as const;

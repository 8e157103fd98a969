/** The metrics of the Go picker that tell of requests: what is emitted under its names, as data. */
import { goBounds } from "./go-bounds.ts";
import { labelCaps } from "./go-label-caps.ts";
import { emitted, extension, model, objective, olderModel, plugin } from "./go-metric.ts";

const endpoint = ["endpoint_name", "namespace", "port"];

const CAPS = `this one and all by the same labels: ${labelCaps.tenants} tenants, ${labelCaps.models} unknown models and ${labelCaps.cells} combinations that clients choose, the rest told as other`;

/** By model and flow. */
export const requestMetrics = {
  requests: emitted("counter", "request_total", model, ["picks"], "Inference requests a pod was picked for.", {
    ...objective("request_total", [...olderModel, "priority"]),
    remark: CAPS,
  }),
  requestErrors: emitted(
    "counter",
    "request_error_total",
    [...model, "error_code"],
    ["refusals"],
    "Requests the picker refused, by the Go picker's word for the status, and those a pod answered with 400 or more (ModelServerError).",
    {
      ...objective("request_error_total", [...olderModel, "error_code"]),
      remark: `pods' errors count as well; of refused requests ${labelCaps.refusals} pairs of tenant and model that clients choose, one model for all that are refused for their names`,
    },
  ),
  requestSeconds: emitted(
    "histogram",
    "request_duration_seconds",
    model,
    [],
    "From a request's headers to the end of its answer, where the filter shows it or keeps the stream until then.",
    { ...objective("request_duration_seconds"), bounds: goBounds.latency },
  ),
  requestBytes: emitted(
    "histogram",
    "request_size_bytes",
    model,
    ["messageBytes"],
    "Bytes of a request's body, where the filter shows it.",
    { ...objective("request_sizes"), bounds: goBounds.requestBytes },
  ),
  responseBytes: emitted(
    "histogram",
    "response_size_bytes",
    model,
    ["messageBytes"],
    "Bytes of an answer's body, where the filter shows it.",
    { ...objective("response_sizes"), bounds: goBounds.responseBytes },
  ),
  inputTokens: emitted(
    "histogram",
    "request_input_tokens",
    model,
    ["promptTokens"],
    "Prompt tokens of a request, as its answer tells.",
    { ...objective("input_tokens"), bounds: goBounds.promptTokens },
  ),
  outputTokens: emitted(
    "histogram",
    "request_output_tokens",
    model,
    ["completionTokens"],
    "Generated tokens of a request, as its answer tells.",
    { ...objective("output_tokens"), bounds: goBounds.outputTokens },
  ),
  cachedTokens: emitted(
    "histogram",
    "request_cached_tokens",
    model,
    ["cachedTokens"],
    "Prompt tokens of a request found in the pod's cache, as its answer tells.",
    { ...objective("prompt_cached_tokens"), bounds: goBounds.promptTokens },
  ),
  running: emitted(
    "gauge",
    "request_running",
    model,
    ["inFlight"],
    "Requests picked for whose stream is open.",
    objective("running_requests", ["model_name"]),
  ),
  ntpotSeconds: emitted(
    "histogram",
    "request_ntpot_seconds",
    model,
    [],
    "A request's time divided by its generated tokens.",
    { ...objective("normalized_time_per_output_token_seconds"), bounds: goBounds.ntpot },
  ),
  ttftSeconds: emitted(
    "histogram",
    "request_ttft_seconds",
    [...model, "streaming"],
    ["ttftSeconds"],
    "From a request's headers to the first bytes of its answer's body.",
    { bounds: goBounds.ttft },
  ),
  tpotSeconds: emitted(
    "histogram",
    "request_streaming_tpot_seconds",
    model,
    ["tpotSeconds"],
    "Time per token behind the first one of a streamed answer.",
    { bounds: goBounds.tpot },
  ),
  itlSeconds: emitted(
    "histogram",
    "request_streaming_itl_seconds",
    model,
    ["tpotSeconds"],
    "From one piece of a streamed answer's body to the next, each piece with the mean of its answer.",
    { bounds: goBounds.itl, remark: "sum and count are exact, each gap counts as the mean of its answer" },
  ),
} as const;

/** By what the picker did with them. */
export const decisionMetrics = {
  schedulerSeconds: emitted(
    "histogram",
    "scheduler_e2e_duration_seconds",
    [],
    ["pickSeconds"],
    "Time of one decision: reading the body, matching the prompt, scoring and picking.",
    { ...extension("scheduler_e2e_duration_seconds"), bounds: goBounds.scheduler },
  ),
  attempts: emitted(
    "counter",
    "scheduler_attempts_total",
    ["status", "target_model_name", ...endpoint],
    ["picks", "refusals"],
    "Decisions for inference requests, by the pod picked; of those that found none its labels are empty.",
    {
      ...extension("scheduler_attempts_total", ["status", "target_model_name", "pod_name", "namespace", "port"]),
      remark: `${labelCaps.attempts} pairs of a pod and an unknown model, the rest told as other`,
    },
  ),
  requestProcessing: emitted(
    "histogram",
    "request_processing_duration_seconds",
    [],
    ["pickSeconds"],
    "From a request's headers to the pick, waiting for the body included.",
    { bounds: goBounds.requestProcessing },
  ),
  responseProcessing: emitted(
    "histogram",
    "response_processing_duration_seconds",
    [],
    [],
    "Of a streamed answer the picker's own time with its messages, of any other the time from its headers to its end.",
    { bounds: goBounds.responseProcessing },
  ),
  rewrites: emitted(
    "counter",
    "model_rewrite_decisions_total",
    ["model_rewrite_name", "model_name", "target_model"],
    ["modelRewrites"],
    "Requests a rule gave another model, by the rule's object, or config.",
    extension("model_rewrite_decisions_total"),
  ),
  hitRatio: emitted(
    "histogram",
    "prefix_indexer_hit_ratio",
    plugin,
    ["prefixHitTokens"],
    "Share of a prompt that the picked pod was believed to hold.",
    { ...extension("prefix_indexer_hit_ratio", []), bounds: goBounds.hitRatio, remark: "of the picked pod" },
  ),
  hitBytes: emitted(
    "histogram",
    "prefix_indexer_hit_bytes",
    plugin,
    ["prefixHitTokens"],
    "Bytes of a prompt that the picked pod was believed to hold.",
    { ...extension("prefix_indexer_hit_bytes", []), bounds: goBounds.hitBytes, remark: "of the picked pod" },
  ),
  streamSeconds: emitted(
    "histogram",
    "extproc_stream_duration_seconds",
    [],
    [],
    "How long ext_proc streams were open.",
    { bounds: goBounds.stream, remark: "there with --enable-grpc-stream-metrics only" },
  ),
  streams: emitted(
    "counter",
    "extproc_streams_total",
    ["code"],
    ["streamsEnded"],
    "ext_proc streams that ended, by their gRPC status.",
    { remark: "there with --enable-grpc-stream-metrics only" },
  ),
} as const;

/** Faults that only a filter in a cluster's own chain can have: it runs for each attempt, behind the choice of the host. */
import type { Row } from "./row.ts";

export const secondPhaseRows = {
  wholeNodeAsked: {
    row: 60,
    name: "attribute-ends-envoy",
    step: "gateway",
    layer: "Envoy",
    symptom:
      "Envoy ends at the first request, and every client loses its connection; it may be started again and again.",
    cause: "A filter asks for the attribute `xds.node` as a whole, which Envoy 1.37 to 1.40 was seen to end of.",
    fix: [
      "Take `xds.node` out of the attributes of filter {filter}.",
      "Single texts below it do no harm, such as xds.node.user_agent_build_version.version.minor_number",
    ],
    expect: "`server.uptime` goes on counting while requests come.",
  },
  retriedAnswerCrash: {
    row: 61,
    name: "retried-answer-ends-envoy",
    step: "gateway",
    layer: "Envoy",
    symptom:
      "Envoy 1.36 ends with a segmentation fault as soon as a backend gives an answer that is to be tried again: every client loses its connection.",
    cause:
      "The ext_proc filter of the cluster is shown answers, and the route retries: what is left of the first attempt is used after it is gone.",
    fix: [
      "Update Envoy: 1.37.0 and newer do not.",
      "Until then response_header_mode: SKIP and response_body_mode: NONE in filter {filter}, or no retry_policy in the routes to cluster {cluster}",
    ],
    expect: "`server.uptime` goes on counting where `upstream_rq_retry` of the cluster rises.",
    references: ["envoyproxy/envoy#41879", "envoyproxy/ai-gateway#1855"],
  },
  attemptFailsOpen: {
    row: 62,
    name: "attempt-fails-open",
    step: "stream",
    layer: "filter of the cluster",
    symptom:
      "A provider answers 401 or 404 now and then, or somebody's key turns up at another provider; the client is told nothing of it.",
    cause:
      "The filter of the cluster fails open: where the picker fails, the attempt goes out as it is, with the client's own authorization or that of the backend before.",
    fix: [
      "In filter {filter} of cluster {cluster}:",
      "failure_mode_allow: false, which is also what holds where nothing is said",
    ],
    expect: "`failure_mode_allowed` of the filter stands still, and clients read 503 while no picker answers.",
  },
  attemptRefusalsLost: {
    row: 63,
    name: "attempt-refusals-lost",
    step: "stream",
    layer: "filter of the cluster",
    symptom: "Clients wait for as long as the route lets them, though the picker refused the attempt at once.",
    cause: "Envoy before 1.36 drops what a filter of a cluster answers in place of the backend.",
    fix: ["Update Envoy, to 1.37 or newer: 1.36 passes such answers on, but has a fault of its own (row 61)."],
    expect: "`send_immediate_resp_upstream_ignored` stands still, and the client reads the picker's own error.",
    references: ["envoyproxy/envoy#41231"],
  },
  attemptBodyCrash: {
    row: 64,
    name: "attempt-body-ends-envoy",
    step: "gateway",
    layer: "picker link",
    symptom:
      "Envoy ends with a segmentation fault under long prompts, or many at once: every client loses its connection.",
    cause:
      "The filter of the cluster sends the body of an attempt to the picker while the backend is still being connected to; a body that then has to wait for room ends Envoy.",
    fix: [
      "per_connection_buffer_limit_bytes: 67108864 in cluster {picker}",
      "http2_protocol_options: { initial_stream_window_size: 67108864 } there, or more, where bodies may be longer",
    ],
    expect: "`server.uptime` goes on counting under long prompts.",
  },
} satisfies Record<string, Row>;

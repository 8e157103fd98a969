/** Faults of the conversation: Envoy asked, and no fitting answer came. */
import type { Row } from "./row.ts";

export const streamRows = {
  shortTimeout: {
    row: 8,
    name: "message-timeout-too-short",
    step: "stream",
    layer: "filter",
    symptom: "504 `ext_proc_error_per-message_timeout_exceeded` after a fifth of a second.",
    cause: "message_timeout is Envoy's default of 200 ms, less than a busy machine needs.",
    fix: [
      "In filter {filter}: message_timeout: 10s",
      "Envoy Gateway: messageTimeout: 10s of the extProc in its policy",
    ],
    expect: "`message_timeouts` stands still.",
  },
  deadlock: {
    row: 9,
    name: "streamed-deadlock",
    step: "stream",
    layer: "protocol",
    symptom: "504 after the whole message_timeout; the picker saw the headers and waits for the body.",
    cause:
      "With STREAMED bodies Envoy waits for an answer before it sends the body, the picker for the body before it answers.",
    fix: [
      "In filter {filter}: processing_mode: { request_body_mode: BUFFERED }",
      "Or FULL_DUPLEX_STREAMED with request_trailer_mode: SEND; or send_body_without_waiting_for_header_response: true",
    ],
    expect: "`message_timeouts` stands still, and one message received for each sent.",
  },
  messageTooLong: {
    row: 16,
    name: "picker-receives-too-little",
    step: "stream",
    layer: "picker",
    symptom: "500, `ext_proc_error_gRPC_error_8`, with long prompts only.",
    cause: "The picker's limit for a gRPC message is below the body.",
    fix: [
      [
        "Raise the picker's limit for one message, {limit}, or send bodies in pieces: FULL_DUPLEX_STREAMED.",
        "Raise the picker's limit for one message, or send bodies in pieces: FULL_DUPLEX_STREAMED.",
      ],
    ],
    expect: "The longest prompt is served.",
  },
  replyDoesNotFit: {
    row: 18,
    name: "reply-does-not-fit-mode",
    step: "stream",
    layer: "protocol",
    symptom: "500, `spurious_message`, the picker answers and Envoy does not want it.",
    cause: "The picker answers in the form of another body mode than the filter's.",
    fix: ["A picker that goes by the mode of each stream, or the mode it was made for in filter {filter}."],
    expect: "`spurious_msgs_received` stands still.",
  },
  bypassed: {
    row: 23,
    name: "picker-bypassed",
    step: "stream",
    layer: "filter",
    symptom: "200s, an uneven load, an idle picker.",
    cause: "The filter fails open, and the picker fails: requests pass it by, and nobody hears of it.",
    fix: ["Look at the link first (rows 10 to 15), then let {filter} fail closed, or alert on failure_mode_allowed."],
    expect: "`failure_mode_allowed` stands still.",
    isConsequence: true,
  },
  upstreamPhaseFails: {
    row: 25,
    name: "upstream-phase-fails",
    step: "stream",
    layer: "filter of the cluster",
    symptom: "The client waits 60 seconds; the picker is fine, the pod was never asked.",
    cause: "The ext_proc filter of the cluster fails every stream, and this Envoy drops the answer that would say so.",
    fix: [
      "Repair what the filter's server needs: the filter of the listener, which runs first (row 26).",
      "Update Envoy: 1.36 and newer were seen to pass such an answer on, as a 500; older ones let the client wait.",
    ],
    expect: "`streams_failed` of {counter} stands still.",
    references: ["envoyproxy/ai-gateway#1708", "envoyproxy/envoy#41231"],
  },
  overrideIgnored: {
    row: 35,
    name: "mode-override-ignored",
    step: "stream",
    layer: "filter",
    symptom: "What the picker asks for in mode_override does not happen.",
    cause: "The filter does not allow it, or its body mode cannot be changed any more.",
    fix: ["In filter {filter}: allow_mode_override: true", "With duplex bodies there is no override."],
    expect: "The picker gets the messages it asked for.",
  },
  breakerOpen: {
    row: 54,
    name: "breaker-of-picker-cluster",
    step: "stream",
    layer: "picker link",
    symptom: "Bursts of 500 or 503 under load, the picker healthy.",
    cause:
      "Every request holds a stream while it lasts, and the breaker of the picker's cluster stands below their number.",
    fix: [
      "In cluster {cluster}: circuit_breakers: { thresholds: [{ max_connections: 40000, max_pending_requests: 40000, max_requests: 40000 }] }",
    ],
    expect: "upstream_rq_pending_overflow stands still.",
  },
  pickerFails: {
    row: 55,
    name: "picker-ends-streams",
    step: "stream",
    layer: "picker",
    symptom: "500 or 503, `ext_proc_error_gRPC_error_` with a number other than 8, 12 and 14, at once.",
    cause: "The picker was reached, took the stream, and ended it with an error of its own.",
    fix: [
      "Its words are in the error, or in its own log at the time of the request: it knows no pods, or broke on the message.",
    ],
    expect: "`streams_failed` stands still, and `stream_msgs_received` rises.",
  },
} satisfies Record<string, Row>;

import { describe, expect, test } from "vitest";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { streamErrors } from "../../../../src/doctor/envoy/stream-errors.ts";

const reset = (why: string) =>
  `ext_proc_error_gRPC_error_14{upstream_connect_error_or_disconnect/reset_before_headers._reset_reason:_${why}}`;
const inner = (why: string) => reset(`remote_connection_failure{upstream_reset_before_response_started{${why}}}`);

/** Where the system has no words for it. */
const byNumber = "connection_failure,_transport_failure_reason:_delayed_connect_error:_";
const reason = `upstream connect error or disconnect/reset before headers. reset reason: ${byNumber.replaceAll("_", " ")}`;

function errorsOf(details: string, more: object = {}) {
  const line = { method: "POST", response_code: 500, response_flags: "-", response_code_details: details, ...more };
  return streamErrors(evidenceOf([{ name: "access.log", text: JSON.stringify(line) }]));
}

describe("streamErrors", () => {
  test.each([
    ["timeout", "ext_proc_error_per-message_timeout_exceeded", "ext proc error per-message timeout exceeded"],
    ["noCluster", "ext_proc_error_gRPC_error_14{Cluster_not_available}", "Cluster not available"],
    [
      "noSocket",
      inner("remote_connection_failure|immediate_connect_error:_No_such_file_or_directory|remote_address:/a/run.sock"),
      "remote connection failure, immediate connect error: No such file or directory, remote address:/a/run.sock",
    ],
    [
      "tls",
      inner("remote_connection_failure|TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER"),
      "remote connection failure, TLS error:, 268435703:SSL routines:OPENSSL internal:WRONG VERSION NUMBER",
    ],
    [
      "refused",
      inner("remote_connection_failure|delayed_connect_error:_Connection_refused"),
      "remote connection failure, delayed connect error: Connection refused",
    ],
    ["refused", reset(`${byNumber}111`), `${reason}111`],
    ["unreachable", reset(`${byNumber}113`), `${reason}113`],
    [
      "unreachable",
      reset("connection_timeout{upstream_reset_before_response_started{connection_timeout}}"),
      "connection timeout",
    ],
    ["overflow", reset("overflow{upstream_reset_before_response_started{overflow}}"), "overflow"],
    ["protocol", reset("protocol_error{upstream_reset_before_response_started{protocol_error}}"), "protocol error"],
    [
      "closed",
      reset("connection_termination{upstream_reset_before_response_started{connection_termination}}"),
      "connection termination",
    ],
    ["noHost", "ext_proc_error_gRPC_error_14{no_healthy_upstream{no_healthy_upstream}}", "no healthy upstream"],
    [
      "unimplemented",
      "ext_proc_error_gRPC_error_12{The_server_does_not_implement_the_method_/a.B/Process{via_upstream}}",
      "The server does not implement the method /a.B/Process",
    ],
    [
      "tooLong",
      "ext_proc_error_gRPC_error_8{Received%20message%20larger%20than%20max%20(5010%20vs%201000){via_upstream}}",
      "Received message larger than max (5010 vs 1000)",
    ],
    ["unavailable", "ext_proc_error_gRPC_error_14", "ext proc error gRPC error 14"],
    ["ended", "ext_proc_error_gRPC_error_13{no%20pods%20are%20known{via_upstream}}", "no pods are known"],
    [
      "spurious",
      "spurious_message:_Normal_body_mutation_response_is_received_while_body_mode__is_FULL_DUPLEX_STREAMED",
      "spurious message: Normal body mutation response is received while body mode  is FULL DUPLEX STREAMED",
    ],
  ])("tells %s by the details of an access line, and its words", (kind, details, said) => {
    expect(errorsOf(details)).toMatchObject([{ kind, said, line: { details } }]);
  });

  test.each([
    ["via_upstream"],
    ["upstream_reset_before_response_started{connection_termination}"],
    ["no_healthy_upstream"],
    ["-"],
  ])("passes over %s, which is no word of ext_proc", (details) => {
    expect(errorsOf(details)).toEqual([]);
  });

  test("reads Envoy's own log, which knows no route", () => {
    const text =
      '[2026-11-21 20:02:51.153][24701][warning][ext_proc] [source/extensions/filters/http/ext_proc/ext_proc.cc:2068] [Tags: "ConnectionId":"2"] Received gRPC error on stream: 14, message upstream connect error or disconnect/reset before headers. reset reason: connection termination{upstream_reset_before_response_started{connection_termination}}';
    const [error, ...more] = streamErrors(evidenceOf([{ name: "envoy.log", text }]));
    expect(more).toEqual([]);
    expect(error).toMatchObject({ kind: "closed", said: "connection termination", quote: { line: 1, text } });
    expect(error?.line).toBeUndefined();
  });
});

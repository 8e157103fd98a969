/** Faults of real set-ups that the demo can be started with, to be found out: what is changed in the shipped config. */
import { type Edit, type Place, places } from "./envoy-config.ts";

export interface Breakage {
  /** Of the doctor's catalogue. */
  readonly row: number;
  /** Told when it is over. */
  readonly truth: string;
  readonly edits: readonly Edit[];
  readonly pickerFlags?: readonly string[];
  /** The picker's cluster leads to a port where nobody listens. */
  readonly isPickerAway?: true;
}

const filters: Place = [...places.hcm, "http_filters"];
const http = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export const breakages = {
  "filter-missing": {
    row: 1,
    truth: "The listener has no ext_proc filter.",
    edits: [{ op: "remove", at: [...filters, "envoy.filters.http.ext_proc"] }],
  },
  "cluster-unknown": {
    row: 44,
    truth: "The filter names a cluster that Envoy does not have.",
    edits: [
      { op: "set", at: [...places.extProc, "grpc_service", "envoy_grpc", "cluster_name"], to: "endpoint-picker" },
    ],
  },
  "picker-away": {
    row: 12,
    truth: "Nothing listens where Envoy looks for the picker.",
    edits: [],
    isPickerAway: true,
  },
  "tls-mismatch": {
    row: 11,
    truth: "Envoy speaks TLS to a picker that takes plaintext only.",
    edits: [
      {
        op: "add",
        at: [...places.picker, "transport_socket"],
        to: {
          name: "envoy.transport_sockets.tls",
          typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext" },
        },
      },
    ],
    pickerFlags: ["--secure-serving=false"],
  },
  "no-http2": {
    row: 15,
    truth: "The picker's cluster is not told to speak HTTP/2.",
    edits: [{ op: "remove", at: [...places.picker, "typed_extension_protocol_options", http] }],
  },
  "short-timeout": {
    row: 8,
    truth: "Envoy waits a millisecond for the picker's answer.",
    edits: [{ op: "set", at: [...places.extProc, "message_timeout"], to: "0.001s" }],
  },
  "body-limit": {
    row: 17,
    truth: "The listener buffers no more than a KiB.",
    edits: [{ op: "set", at: [...places.listener, "per_connection_buffer_limit_bytes"], to: 1024 }],
  },
  "other-header": {
    row: 5,
    truth: "The cluster takes the pod's address from a header that the picker does not set.",
    edits: [{ op: "set", at: [...places.pods, "original_dst_lb_config", "http_header_name"], to: "x-pod-address" }],
  },
} as const satisfies Record<string, Breakage>;

export type BreakageName = keyof typeof breakages;

/** As gateways generate them: without it the first thing that is known of any fault is that a health check fails. */
export const asGenerated: Edit = { op: "remove", at: [...places.picker, "health_checks"] };

/** One JSON line a request, with what the doctor wants to know. */
export function accessLogTo(path: string): Edit {
  const json_format = {
    start_time: "%START_TIME%",
    method: "%REQ(:METHOD)%",
    path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    response_code: "%RESPONSE_CODE%",
    response_flags: "%RESPONSE_FLAGS%",
    response_code_details: "%RESPONSE_CODE_DETAILS%",
    upstream_transport_failure_reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    bytes_received: "%BYTES_RECEIVED%",
    bytes_sent: "%BYTES_SENT%",
    duration: "%DURATION%",
    upstream_host: "%UPSTREAM_HOST%",
    upstream_cluster: "%UPSTREAM_CLUSTER%",
    route_name: "%ROUTE_NAME%",
  };
  const type = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
  const to = [
    { name: "envoy.access_loggers.file", typed_config: { "@type": type, path, log_format: { json_format } } },
  ];
  return { op: "add", at: [...places.hcm, "access_log"], to };
}

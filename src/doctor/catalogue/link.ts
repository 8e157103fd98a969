/** Faults between Envoy and the picker: no connection, or two that do not speak the same. */
import type { Row } from "./row.ts";

export const linkRows = {
  networkBlocked: {
    row: 10,
    name: "picker-unreachable",
    step: "link",
    layer: "network",
    symptom: "504 after the whole message_timeout; the picker saw no stream.",
    cause: "Packets to the picker go nowhere: a firewall, a NetworkPolicy, a route.",
    fix: [
      "Open the way from the gateway's pods to {address}; deploy/kubernetes/network-policy.yaml says which pods may come.",
    ],
    expect: ["cx_active of cluster {cluster} is above 0.", "cx_active of the picker's cluster is above 0."],
  },
  tlsMismatch: {
    row: 11,
    name: "tls-against-plaintext",
    step: "link",
    layer: "picker link",
    symptom:
      "500 or 503, `ext_proc_error_gRPC_error_14` with a closed connection or a TLS error; or 200s past the picker where it fails open.",
    cause: "One side speaks TLS, the other plaintext.",
    fix: [
      ["Remove transport_socket from cluster {wrapped}: its picker takes plaintext only."],
      [
        "Where a gateway's controller made it: take away the BackendTLSPolicy, or the TLS of the DestinationRule, of {wrapped}.",
      ],
      ["In cluster {bare}: transport_socket: {socket}"],
      [
        "Where a gateway's controller makes cluster {bare}: a BackendTLSPolicy (Envoy Gateway), or deploy/gateways/istio/destination-rule.yaml.",
      ],
      ["In cluster {distrusting}: the certificate of the picker's CA as trusted_ca, and its name as sni."],
      ["TLS on both sides, or on neither: transport_socket of {unclear}, or the picker's own."],
      "pointsman takes both on one port unless --secure-serving=false or --tls-only is set.",
    ],
    expect: "`streams_failed` stands still while `streams_started` rises.",
    references: ["kserve/kserve#5716", "kaito-project/kaito#1983"],
  },
  pickerDown: {
    row: 12,
    name: "picker-refuses-connections",
    step: "link",
    layer: "picker",
    symptom: "500 or 503, `ext_proc_error_gRPC_error_14`, connection refused.",
    cause: "Nothing listens at the picker's address: it is down, or its Service selects other pods.",
    fix: [
      ["In cluster {cluster}: address {reached} in place of {address}"],
      [
        "kubectl get pods,endpointslices -n {namespace} -l {selector}",
        "Is the picker up, and listening at {address}? kubectl get pods,endpointslices -A, or systemctl status pointsman",
        "Is the picker up, and where does it listen? kubectl get pods,endpointslices -A, or systemctl status pointsman",
      ],
    ],
    expect: [
      "The host {reached} of cluster {cluster} is healthy, and its cx_connect_fail stands still.",
      "The host {address} is healthy, and its cx_connect_fail stands still.",
      "cx_connect_fail of the picker's cluster stands still.",
    ],
  },
  sidecarMissing: {
    row: 13,
    name: "sidecar-socket-missing",
    step: "link",
    layer: "sidecar",
    symptom: "500, `ext_proc_error_gRPC_error_14`, `No such file or directory`.",
    cause: "The socket of the sidecar is not there: the container is missing or not ready.",
    fix: ["Restart the gateway's pod; let the webhook that injects the sidecar fail closed (failurePolicy: Fail)."],
    expect: "The pod has the sidecar's container, and {path} exists.",
    references: ["envoyproxy/ai-gateway#1493"],
  },
  wrongPort: {
    row: 14,
    name: "port-of-another-service",
    step: "link",
    layer: "picker link",
    symptom: "500, `ext_proc_error_gRPC_error_12`, unimplemented.",
    cause: "The port answers gRPC and is another: that of health or of metrics.",
    fix: [
      "Point cluster {cluster} to the picker's ext_proc port in place of {address}: 9002, unless --grpc-port says otherwise.",
    ],
    expect: "`stream_msgs_received` rises with `stream_msgs_sent`.",
  },
  noHttp2: {
    row: 15,
    name: "cluster-without-http2",
    step: "link",
    layer: "picker link",
    symptom: "500, `ext_proc_error_gRPC_error_14` or 2, a protocol error; the picker counts clients of HTTP/1.1.",
    cause: "The picker's cluster is not told to speak HTTP/2, without which there is no gRPC.",
    fix: [
      "In cluster {cluster}: typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }",
      "Istio: name the port of the picker's Service `grpc`, or give it appProtocol: kubernetes.io/h2c.",
    ],
    expect: '`streams_failed` stands still, and pointsman_connections_refused_total{kind="http1"} too.',
  },
  severalProcessors: {
    row: 28,
    name: "phases-at-different-processes",
    step: "link",
    layer: "picker link",
    symptom: "Now and then a request fails with `no router processor found`.",
    cause: "The two filters of a request reached different processes, which share nothing.",
    fix: ["One process beside each Envoy (a sidecar), or phases that need no shared state."],
    expect: "The cluster {cluster} has one host.",
    references: ["envoyproxy/ai-gateway#621"],
  },
  clusterUnknown: {
    row: 44,
    name: "picker-cluster-unknown",
    step: "link",
    layer: "configuration",
    symptom: "500, `ext_proc_error_gRPC_error_14{Cluster_not_available}`, and the picker idle.",
    cause: "The filter names a cluster that Envoy does not have.",
    fix: [
      ["In filter {filter}: grpc_service: { envoy_grpc: { cluster_name: {known} } }"],
      [
        "Or give Envoy a cluster of the name {cluster}; it has: {clusters}.",
        "Let cluster_name of the filter's grpc_service be one that Envoy has: curl -s ADMIN/clusters",
      ],
    ],
    expect: "/clusters names the filter's cluster, and `streams_started` rises.",
    references: ["envoyproxy/envoy#45220"],
  },
  staleAddress: {
    row: 52,
    name: "address-of-former-service",
    step: "link",
    layer: "configuration",
    symptom: "The picker was reached yesterday and is not today.",
    cause: "The cluster holds the address that the Service had before it was made anew.",
    fix: [
      "In cluster {cluster}: address {now} in place of {address}",
      "For good: type STRICT_DNS, and the name {service} in place of an address.",
    ],
    expect: "The cluster's host is healthy.",
  },
  authorityRefused: {
    row: 56,
    name: "authority-not-a-host",
    step: "link",
    layer: "picker link",
    symptom: "500, `ext_proc_error_gRPC_error_14` and a protocol error, though both sides speak HTTP/2.",
    cause:
      "The filter names no authority, so Envoy calls the picker by the name of its cluster, which is no host name.",
    fix: [
      "In filter {filter}: grpc_service: { envoy_grpc: { authority: {authority} } }",
      "A picker that puts up with such a name: pointsman does.",
    ],
    expect: "`stream_msgs_received` rises with `stream_msgs_sent`.",
  },
} satisfies Record<string, Row>;

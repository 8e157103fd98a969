/** Clusters: where the picker and the pods are, and how Envoy speaks to them. */
import type { Place } from "../place.ts";
import type { Breakers, Cluster } from "./config-view.ts";
import { readFilter } from "./read-filters.ts";

export const DEFAULT_BUFFER_LIMIT = 1024 * 1024;
const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
const DEFAULT_BREAKER = 1024;
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export function readCluster(at: Place): Cluster {
  const http = at.at("typed_extension_protocol_options", HTTP_OPTIONS);
  const type = at.at("cluster_type", "name").text() || at.at("type").text() || "STATIC";
  const original = at.at("original_dst_lb_config");
  const policies = at.at("load_balancing_policy", "policies").items();
  const policy = policies[0]?.at("typed_extension_config") ?? at.at("load_balancing_policy", "none");
  return {
    name: at.at("name").text(),
    type,
    lbPolicy: policy.at("name").text() || at.at("lb_policy").text() || "ROUND_ROBIN",
    addressHeader: addressHeaderOf(original),
    overrideSources: policy.at("typed_config", "override_host_sources").items(),
    speaksHttp2: speaksHttp2(at, http),
    speaksTls: at.at("transport_socket").isThere && !/raw_buffer/.test(at.at("transport_socket", "name").text()),
    connectTimeoutMs: at.at("connect_timeout").milliseconds() ?? DEFAULT_CONNECT_TIMEOUT_MS,
    bufferLimit: at.at("per_connection_buffer_limit_bytes").number() ?? DEFAULT_BUFFER_LIMIT,
    breakers: readBreakers(at.at("circuit_breakers", "thresholds")),
    endpoints: at
      .at("load_assignment", "endpoints")
      .items()
      .flatMap((group) => group.at("lb_endpoints").items())
      .map((endpoint) => shownAddress(endpoint.at("endpoint", "address"))),
    filters: http
      .at("http_filters")
      .items()
      .map((filter) => readFilter(filter)),
    at,
  };
}

export function shownAddress(address: Place): string {
  const socket = address.at("socket_address");
  if (!socket.isThere) return address.at("pipe", "path").text();
  const host = socket.at("address").text();
  const port = socket.at("port_value").number() ?? socket.at("named_port").text();
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function addressHeaderOf(original: Place): string {
  if (!original.at("use_http_header").isTrue()) return "";
  return original.at("http_header_name").text() || "x-envoy-original-dst-host";
}

function speaksHttp2(at: Place, http: Place): boolean {
  return (
    at.at("http2_protocol_options").isThere ||
    http.at("explicit_http_config", "http2_protocol_options").isThere ||
    http.at("auto_config", "http2_protocol_options").isThere ||
    http.at("use_downstream_protocol_config", "http2_protocol_options").isThere
  );
}

/** Those of ordinary requests: nothing here is sent with high priority. */
function readBreakers(thresholds: Place): Breakers {
  const all = thresholds.items();
  const usual = all.find((each) => ["", "DEFAULT"].includes(each.at("priority").text())) ?? thresholds.at("none");
  const limit = (name: string) => usual.at(name).number() ?? DEFAULT_BREAKER;
  return {
    maxConnections: limit("max_connections"),
    maxPendingRequests: limit("max_pending_requests"),
    maxRequests: limit("max_requests"),
  };
}

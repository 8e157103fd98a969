/** An Envoy config of the shape that gateways make of an InferencePool: their filters, routes and clusters, by parts. */
import { adminOn, type EnvoyConfig, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import { type ClientLimits, gatewayDefaults, http2Options } from "./client-traffic.ts";

const typed = (name: string, rest: object = {}) => ({ "@type": `type.googleapis.com/envoy.${name}`, ...rest });
const httpOptions = (rest: object) => ({
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
    "extensions.upstreams.http.v3.HttpProtocolOptions",
    rest,
  ),
});
const http2 = { explicit_http_config: { http2_protocol_options: {} } };
/** Trailers of HTTP/1.1 travel only where both ends are told so. */
const http1 = { explicit_http_config: { http_protocol_options: { enable_trailers: true } } };

/** Nobody is there. */
export const nobody = "127.0.0.1:1";

const bodies = (mode: string) => ({ request_body_mode: mode, response_body_mode: mode });
const headers = { request_header_mode: "SEND", response_header_mode: "SEND" };
const trailers = { request_trailer_mode: "SEND", response_trailer_mode: "SEND" };
/** What a pool's annotation changes at Envoy AI Gateway; both shapes send headers and trailers. */
export const poolModes = {
  duplex: { ...headers, ...bodies("FULL_DUPLEX_STREAMED"), ...trailers },
  buffered: { ...headers, ...bodies("BUFFERED"), ...trailers },
} as const;

export interface ExtProcFilter {
  readonly name: string;
  readonly cluster: string;
  readonly mode: object;
  readonly [option: string]: unknown;
}

/** `name`, `cluster` and `mode` aside, everything is a field of the filter. */
export function extProcFilter({ name, cluster, mode, disabled, ...rest }: ExtProcFilter): object {
  const config = typed("extensions.filters.http.ext_proc.v3.ExternalProcessor", {
    grpc_service: { envoy_grpc: { cluster_name: cluster } },
    processing_mode: mode,
    ...rest,
  });
  return { name, typed_config: config, ...(disabled === undefined ? {} : { disabled }) };
}

const routerFilter = {
  name: "envoy.filters.http.router",
  typed_config: typed("extensions.filters.http.router.v3.Router"),
};

/** For a route that a filter does not run on. */
export const without = (filter: string): object => ({
  [filter]: typed("extensions.filters.http.ext_proc.v3.ExtProcPerRoute", { disabled: true }),
});

/** For a route that a filter, disabled in the chain, does run on. */
export const withFilter = (filter: string): object => ({
  [filter]: { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", config: {} },
});

/** A route that answers itself. */
export const directly = (status: number, body: object): object => ({
  direct_response: { status, body: { inline_string: JSON.stringify(body) } },
  response_headers_to_add: [
    { header: { key: "content-type", value: "application/json" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
  ],
});

function endpoint(text: string, metadata?: object): object {
  const at = text.lastIndexOf(":");
  const address = { socket_address: { address: text.slice(0, at), port_value: Number(text.slice(at + 1)) } };
  return { endpoint: { address }, ...(metadata === undefined ? {} : { metadata }) };
}

const assigned = (name: string, endpoints: readonly object[]) => ({
  name,
  type: "STATIC",
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
});

const tls = {
  name: "envoy.transport_sockets.tls",
  typed_config: typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
    common_tls_context: { alpn_protocols: ["h2"] },
  }),
};

/** Unverified TLS, or plaintext HTTP/2; without an address nobody is behind it. */
export function grpcCluster(name: string, address: string, link: "tls" | "h2c"): object {
  return {
    ...assigned(name, address === "" ? [] : [endpoint(address)]),
    lb_policy: "LEAST_REQUEST",
    typed_extension_protocol_options: httpOptions(http2),
    ...(link === "tls" ? { transport_socket: tls } : {}),
  };
}

/** A Service: its pods take turns. `filters` stand in the cluster's own chain. */
export function serviceCluster(name: string, pods: readonly string[]): object {
  return {
    ...assigned(
      name,
      pods.map((pod) => endpoint(pod)),
    ),
    typed_extension_protocol_options: httpOptions(http1),
  };
}

const destination = "x-gateway-destination-endpoint";

interface OriginalDst {
  readonly header?: string;
  readonly metadata?: object;
  /** In the cluster's own chain, which runs for each attempt once the pod is chosen. */
  readonly filters?: readonly object[];
}

export function originalDstCluster(name: string, { header = destination, metadata, filters }: OriginalDst = {}) {
  const codec = typed("extensions.filters.http.upstream_codec.v3.UpstreamCodec");
  const chain = [...(filters ?? []), { name: "envoy.filters.http.upstream_codec", typed_config: codec }];
  return {
    name,
    type: "ORIGINAL_DST",
    lb_policy: "CLUSTER_PROVIDED",
    connect_timeout: "10s",
    original_dst_lb_config: { use_http_header: true, http_header_name: header },
    typed_extension_protocol_options: httpOptions(filters ? { ...http1, http_filters: chain } : http1),
    ...(metadata === undefined ? {} : { metadata: { filter_metadata: metadata } }),
  };
}

/** Every pod a subset of its own, found by the address in the request's metadata; without one of them any pod, or none. */
export function subsetCluster(name: string, pods: readonly string[], failOpen: boolean): object {
  const marked = (pod: string) => endpoint(pod, { filter_metadata: { "envoy.lb": { [destination]: pod } } });
  return {
    ...assigned(name, pods.map(marked)),
    lb_subset_config: {
      fallback_policy: failOpen ? "ANY_ENDPOINT" : "NO_FALLBACK",
      subset_selectors: [{ keys: [destination] }],
    },
    typed_extension_protocol_options: httpOptions(http1),
  };
}

/** The pods in the order of the picker's list, one for each attempt. */
export function overrideCluster(name: string, pods: readonly string[], source: object): object {
  const turns = { name: "envoy.load_balancing_policies.round_robin" };
  const roundRobin = typed("extensions.load_balancing_policies.round_robin.v3.RoundRobin");
  const fallback = { policies: [{ typed_extension_config: { ...turns, typed_config: roundRobin } }] };
  const config = typed("extensions.load_balancing_policies.override_host.v3.OverrideHost", {
    override_host_sources: [source],
    fallback_policy: fallback,
  });
  const policy = { name: "envoy.load_balancing_policies.override_host", typed_config: config };
  return {
    ...serviceCluster(name, pods),
    load_balancing_policy: { policies: [{ typed_extension_config: policy }] },
  };
}

export interface PoolGateway {
  /** In front of the router. */
  readonly filters: readonly object[];
  readonly routes: readonly object[];
  readonly clusters: readonly object[];
  readonly removed?: readonly string[];
  /** Where Envoy Gateway makes the listener; else Envoy's own. */
  readonly limits?: ClientLimits | undefined;
  readonly manager?: object;
}

const earlyMutation = "envoy.http.early_header_mutation.header_mutation";

/** One listener, `requests`, that serves whoever comes. */
export function poolGateway(shape: PoolGateway): EnvoyConfig {
  const { filters, routes, clusters, removed = [], limits, manager = {} } = shape;
  const early = typed("extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", {
    mutations: removed.map((name) => ({ remove: name })),
  });
  const connections = typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "http-80",
    http_protocol_options: { enable_trailers: true },
    ...(limits === undefined ? {} : { http2_protocol_options: http2Options(limits) }),
    early_header_mutation_extensions: removed.length === 0 ? [] : [{ name: earlyMutation, typed_config: early }],
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes }] },
    http_filters: [...filters, routerFilter],
    ...manager,
  });
  const chain = { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: connections }] };
  const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  const listener = { name: "requests", address, filter_chains: [chain] };
  const limited = (bytes: number) => ({ per_connection_buffer_limit_bytes: bytes });
  return {
    ...renderEnvoyConfig("round-robin.yaml", [adminOn(0)]),
    static_resources:
      limits === undefined
        ? { listeners: [listener], clusters }
        : {
            listeners: [{ ...listener, ...limited(limits.bufferBytes) }],
            clusters: clusters.map((cluster) => ({ ...limited(gatewayDefaults.bufferBytes), ...cluster })),
          },
  };
}

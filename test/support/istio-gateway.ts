/** An Envoy config of the shape that istiod gives a gateway: its names, its filter for InferencePools, its clusters. */
import { adminOn, type EnvoyConfig, podsAt, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";

const typed = (name: string, rest: object = {}) => ({ "@type": `type.googleapis.com/envoy.${name}`, ...rest });
const EXT_PROC = "extensions.filters.http.ext_proc.v3.ExternalProcessor";

const pickerCluster = "outbound|9002||pointsman.default.svc.cluster.local";
const serviceCluster = "outbound|8000||vllm.default.svc.cluster.local";
const poolCluster = "outbound|54321||vllm-ip-5ca1ab1e.default.svc.cluster.local";

/** How the gateway reaches the picker: as Istio does, with TLS by a DestinationRule, or as clusters by hand went wrong. */
export type PickerLink = "h2c" | "tls" | "http1";

export interface IstioGateway {
  readonly pods: readonly string[];
  readonly picker: string;
  /** Whose filter for InferencePools there is; none before 1.27. */
  readonly pools?: "1.27" | "1.28";
  readonly link?: PickerLink;
  /** What Envoy calls the picker; without it by the name of the cluster. */
  readonly authority?: string;
}

/** Listener `requests`, with the route that is picked for and `/direct`, which goes to the Service whatever the picker says. */
export function istioGateway({ pods, picker, pools, link = "h2c", authority }: IstioGateway): EnvoyConfig {
  const [turns] = clustersOf(renderEnvoyConfig("round-robin.yaml", [podsAt(pods)]));
  const [, overriding] = clustersOf(renderEnvoyConfig("override-host.yaml", [podsAt(pods)]));
  const picked = pools === undefined ? { name: "picked", cluster: serviceCluster } : poolRoute(pools, authority);
  const manager = typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "outbound_0.0.0.0_80",
    http_protocol_options: { enable_trailers: true },
    route_config: {
      virtual_hosts: [{ name: "*:80", domains: ["*"], routes: [direct, routeTo(picked)] }],
    },
    http_filters: [...(pools === undefined ? [] : [poolFilter]), router],
  });
  return {
    ...renderEnvoyConfig("round-robin.yaml", [adminOn(0)]),
    static_resources: {
      listeners: [
        {
          name: "requests",
          address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
          filter_chains: [
            { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
          ],
        },
      ],
      clusters: [
        { ...turns, name: serviceCluster },
        { ...overriding, name: poolCluster },
        pickerAt(picker, link),
        // The one that istiod's filter names where no route does: nobody is there.
        { name: "dummy", type: "STATIC", load_assignment: { cluster_name: "dummy" } },
      ],
    },
  };
}

function clustersOf(config: EnvoyConfig): object[] {
  const { clusters } = config["static_resources"] as { clusters: { name: string }[] };
  return clusters.toSorted((a, b) => Number(b.name === "picker") - Number(a.name === "picker"));
}

interface RouteShape {
  readonly name: string;
  readonly cluster: string;
  readonly overrides?: object;
}

function routeTo({ name, cluster, overrides }: RouteShape) {
  const route = { name, match: { prefix: "/" }, route: { cluster, timeout: "0s" } };
  if (overrides === undefined) return route;
  const config = typed("extensions.filters.http.ext_proc.v3.ExtProcPerRoute", { overrides });
  return { ...route, typed_per_filter_config: { "envoy.filters.http.ext_proc": config } };
}

const direct = {
  name: "direct",
  match: { prefix: "/direct" },
  route: { cluster: serviceCluster, timeout: "0s" },
};

/** 1.27 leaves the trailer modes out, which Envoy does not check in a route. */
function poolRoute(pools: "1.27" | "1.28", authority?: string): RouteShape {
  const trailers = pools === "1.27" ? {} : { request_trailer_mode: "SEND", response_trailer_mode: "SEND" };
  const overrides = {
    processing_mode: {
      request_header_mode: "SEND",
      request_body_mode: "FULL_DUPLEX_STREAMED",
      response_header_mode: "SEND",
      response_body_mode: "FULL_DUPLEX_STREAMED",
      ...trailers,
    },
    grpc_service: { envoy_grpc: { cluster_name: pickerCluster, ...(authority === undefined ? {} : { authority }) } },
    failure_mode_allow: false,
  };
  return { name: "default.vllm.0", cluster: poolCluster, overrides };
}

const poolFilter = {
  name: "envoy.filters.http.ext_proc",
  typed_config: typed(EXT_PROC, {
    grpc_service: { envoy_grpc: { cluster_name: "dummy" } },
    failure_mode_allow: true,
    message_timeout: "1000s",
    metadata_options: {
      forwarding_namespaces: { untyped: ["envoy.lb"] },
      receiving_namespaces: { untyped: ["envoy.lb"] },
    },
    processing_mode: { request_header_mode: "SKIP", response_header_mode: "SKIP" },
  }),
};

const router = { name: "envoy.filters.http.router", typed_config: typed("extensions.filters.http.router.v3.Router") };

function pickerAt(picker: string, link: PickerLink): object {
  const [address = "", port = ""] = picker.split(":");
  const endpoint = { endpoint: { address: { socket_address: { address, port_value: Number(port) } } } };
  const http2 = typed("extensions.upstreams.http.v3.HttpProtocolOptions", {
    explicit_http_config: { http2_protocol_options: {} },
  });
  const tls = typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
    common_tls_context: { alpn_protocols: ["h2"] },
  });
  return {
    name: pickerCluster,
    type: "STATIC",
    load_assignment: { cluster_name: pickerCluster, endpoints: [{ lb_endpoints: [endpoint] }] },
    ...(link === "http1"
      ? {}
      : { typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 } }),
    ...(link === "tls" ? { transport_socket: { name: "envoy.transport_sockets.tls", typed_config: tls } } : {}),
  };
}

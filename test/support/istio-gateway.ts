/** An Envoy config of the shape that istiod gives a gateway: its names, its filter for InferencePools, its clusters. */
import { renameSync, writeFileSync } from "node:fs";
import {
  adminOn,
  type Edit,
  type EnvoyConfig,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import { selfSigned } from "../../src/ext-proc/self-signed.ts";
import { managerOf } from "./envoy-filter.ts";

const typed = (name: string, rest: object = {}) => ({ "@type": `type.googleapis.com/envoy.${name}`, ...rest });
const ROUTES = "http.80";
const EXT_PROC = "extensions.filters.http.ext_proc.v3.ExternalProcessor";

const pickerCluster = "outbound|9002||pointsman.default.svc.cluster.local";
const serviceCluster = "outbound|8000||vllm.default.svc.cluster.local";
const poolCluster = "outbound|54321||vllm-ip-5ca1ab1e.default.svc.cluster.local";

/** How the gateway reaches the picker: as Istio does, with TLS by a DestinationRule, or as clusters by hand went wrong. */
export type PickerLink = "h2c" | "tls" | "http1" | "strangers-ca";

export interface IstioGateway {
  readonly pods: readonly string[];
  readonly picker: string;
  /** Whose filter for InferencePools there is; none before 1.27. */
  readonly pools?: "1.27" | "1.28";
  readonly link?: PickerLink;
  /** What Envoy calls the picker. istiod says none, and Envoy takes the name of the cluster. */
  readonly authority?: string;
  /** Hosts whose DestinationRule switches balancing by locality off; for all others Istio weighs localities by default. */
  readonly anyLocality?: readonly string[];
  /** Istio's default; false where a route says that it wants none. */
  readonly retries?: boolean | undefined;
}

/** Listener `requests`, with the route that is picked for and `/direct`, which goes to the Service whatever the picker says. */
export function istioGateway(shape: IstioGateway): EnvoyConfig {
  const { pods, picker, pools, link = "h2c", authority, retries = true, anyLocality = [] } = shape;
  const [turns] = clustersOf(renderEnvoyConfig("round-robin.yaml", [podsAt(pods)]));
  const [, overriding] = clustersOf(renderEnvoyConfig("override-host.yaml", [podsAt(pods), noSelectedHost]));
  const picked = pools === undefined ? { name: "picked", cluster: serviceCluster } : poolRoute(pools, authority);
  const manager = typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "outbound_0.0.0.0_80",
    http_protocol_options: { enable_trailers: true },
    route_config: {
      name: ROUTES,
      virtual_hosts: [{ name: "*:80", domains: ["*"], routes: [routeTo(direct, retries), routeTo(picked, retries)] }],
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
        { ...turns, name: serviceCluster, ...localitiesOf(serviceCluster, anyLocality) },
        { ...overriding, name: poolCluster },
        pickerAt(picker, link),
        // The one that istiod's filter names where no route does: nobody is there.
        { name: "dummy", type: "STATIC", load_assignment: { cluster_name: "dummy" } },
      ],
    },
  };
}

/** As istiod writes it for a Service, not for an InferencePool. */
function localitiesOf(cluster: string, anyLocality: readonly string[]): object {
  const isWeighted = !anyLocality.some((host) => cluster.endsWith(`||${host}`));
  return isWeighted ? { common_lb_config: { locality_weighted_lb_config: {} } } : {};
}

/** Several gateways in one Envoy, each a listener of its own that is called as it is here. */
export function together(gateways: Readonly<Record<string, EnvoyConfig>>): EnvoyConfig {
  const [first = {}] = Object.values(gateways);
  const listeners = Object.entries(gateways).map(([name, gateway]) => {
    const [listener = {}] = listenersOf(structuredClone(gateway));
    managerOf(listener)["stat_prefix"] = name;
    return { ...listener, name };
  });
  return { ...first, static_resources: { ...(first["static_resources"] as object), listeners } };
}

/** The gateway with its routes in a file, as istiod's push would change them; `push` puts those of another there. */
export function withPushedRoutes(
  gateway: EnvoyConfig,
  file: string,
): { config: EnvoyConfig; push: (other: EnvoyConfig) => void } {
  const push = (other: EnvoyConfig) => {
    const [listener = {}] = listenersOf(other);
    const routes = managerOf(listener)["route_config"] as object;
    const resources = [{ "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", ...routes }];
    writeFileSync(`${file}.new`, JSON.stringify({ resources }));
    // Envoy reads it when a file takes its place.
    renameSync(`${file}.new`, file);
  };
  push(gateway);
  const config = { ...structuredClone(gateway), node: { id: "gateway", cluster: "gateway" } };
  for (const manager of listenersOf(config).map(managerOf)) {
    delete manager["route_config"];
    manager["rds"] = { route_config_name: ROUTES, config_source: { path_config_source: { path: file } } };
  }
  return { config, push };
}

function listenersOf(config: EnvoyConfig): Record<string, unknown>[] {
  return (config["static_resources"] as { listeners: Record<string, unknown>[] }).listeners;
}

function clustersOf(config: EnvoyConfig): object[] {
  const { clusters } = config["static_resources"] as { clusters: { name: string }[] };
  return clusters.toSorted((a, b) => Number(b.name === "picker") - Number(a.name === "picker"));
}

/** Ours, of Envoy 1.39 and newer; istiod does not ask for it. */
const noSelectedHost: Edit = {
  op: "remove",
  at: [
    ...[...places.pods, "load_balancing_policy", "policies", 0],
    ...["typed_extension_config", "typed_config", "selected_host_key"],
  ],
};

interface RouteShape {
  readonly name: string;
  readonly prefix?: string;
  readonly cluster: string;
  readonly overrides?: object;
}

/** What istiod says of a route whose VirtualService or HTTPRoute says nothing. */
const defaultRetries = {
  retry_on: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
  num_retries: 2,
  retry_host_predicate: [
    {
      name: "envoy.retry_host_predicates.previous_hosts",
      typed_config: typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
    },
  ],
  host_selection_retry_max_attempts: "5",
  retriable_status_codes: [503],
};

function routeTo({ name, prefix = "/", cluster, overrides }: RouteShape, retries: boolean) {
  const action = { cluster, timeout: "0s", ...(retries ? { retry_policy: defaultRetries } : {}) };
  const route = { name, match: { prefix }, route: action };
  if (overrides === undefined) return route;
  const config = typed("extensions.filters.http.ext_proc.v3.ExtProcPerRoute", { overrides });
  return { ...route, typed_per_filter_config: { "envoy.filters.http.ext_proc": config } };
}

const direct: RouteShape = { name: "direct", prefix: "/direct", cluster: serviceCluster };

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
    common_tls_context: { alpn_protocols: ["h2"], ...(link === "strangers-ca" ? trustingAnother() : {}) },
  });
  return {
    name: pickerCluster,
    type: "STATIC",
    load_assignment: { cluster_name: pickerCluster, endpoints: [{ lb_endpoints: [endpoint] }] },
    ...(link === "http1"
      ? {}
      : { typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 } }),
    ...(link === "tls" || link === "strangers-ca"
      ? { transport_socket: { name: "envoy.transport_sockets.tls", typed_config: tls } }
      : {}),
  };
}

/** A CA that has not signed the picker's certificate. */
function trustingAnother() {
  const trusted_ca = { inline_string: selfSigned("stranger", new Date()).certificate.toString() };
  return { validation_context: { trusted_ca } };
}

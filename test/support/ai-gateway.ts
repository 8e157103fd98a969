/** An Envoy config of the shape that Envoy AI Gateway gives a Gateway whose routes name an InferencePool. */
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import { modelHeader } from "./ai-gateway-server.ts";
import { clientLimits, removedEarly } from "./client-traffic.ts";
import {
  directly,
  extProcFilter,
  grpcCluster,
  originalDstCluster,
  poolGateway,
  poolModes,
  serviceCluster,
  withFilter,
  without,
} from "./pool-gateway.ts";

export interface AiGateway {
  readonly picker: string;
  /** The pods of the Service that stands beside the pool. */
  readonly pods: readonly string[];
  /** Bodies as they come, or whole where the pool has the annotation for it. */
  readonly mode: keyof typeof poolModes;
  /** The gateway's own server, in front of the picker; none where an HTTPRoute names the pool. */
  readonly server?: string;
  /** Who is asked by the filter in the pool's cluster; none where an HTTPRoute names the pool. */
  readonly upstream?: Upstream;
  /** Attributes that the picker's own filter asks for; the release asks for none. */
  readonly asks?: readonly string[];
  /** Routes in front of the pool's. */
  readonly routes?: readonly object[];
  /** The model whose requests go to the pool. */
  readonly model?: string;
  /** Has the pool's route two matches, so that the picker's filter is there twice (ai-gateway#2595)? */
  readonly twice?: boolean;
  /** Does the Service stand in the rules in place of the pool? */
  readonly bypassed?: boolean;
}

export interface Upstream {
  readonly address: string;
  readonly attributes: readonly string[];
}

const serverFilter = "envoy.filters.http.ext_proc/aigateway";
export const pickerFilter = "envoy.filters.http.ext_proc/endpointpicker/vllm_default_ext_proc";
const pickerCluster = "envoy.clusters.endpointpicker_vllm_default_ext_proc";
const serverCluster = "ai-gateway-extproc-uds";
const upstreamCluster = "upstream-phase";
const poolCluster = "httproute/default/vllm/rule/0";
const serviceOfPods = "service-of-pods";

/** Has the ClientTrafficPolicy. */
const policy = "envoy-ai-gateway/gateway.yaml";

const backend = "per_route_rule_backend_name";
/** What the filter behind the choice asks for: of the host, which has nothing here, and of its cluster. */
export const upstreamAttributes = ["upstream_host", "cluster"].map(
  (whose) => `xds.${whose}_metadata.filter_metadata['aigateway.envoy.io']['${backend}']`,
);

/** What the release answers where no rule has the model, in words of ours. */
const noRoute = { type: "error", error: { type: "no_route", code: "404", message: "No rule has this model." } };

interface Route {
  readonly match: object;
  readonly route: object;
  readonly typed_per_filter_config?: object;
}

export const toService = (match: object): Route => ({
  match,
  route: { cluster: serviceOfPods, timeout: "0s" },
  typed_per_filter_config: without(pickerFilter),
});

export function aiGateway(shape: AiGateway): EnvoyConfig {
  const { picker, pods, mode, server, upstream, routes = [], bypassed = false } = shape;
  const rule = bypassed ? toService : toPool;
  const upstreamFilter = (): object =>
    extProcFilter({
      name: serverFilter,
      cluster: upstreamCluster,
      mode: { request_header_mode: "SEND", request_body_mode: "NONE", response_header_mode: "SKIP" },
      message_timeout: "10s",
      request_attributes: upstream?.attributes,
    });
  return poolGateway({
    removed: removedEarly(policy),
    limits: clientLimits(policy),
    filters: [
      ...(server === undefined ? [] : [gatewayFilter()]),
      ...(shape.twice === true ? [pickerFilterOf(mode)] : []),
      pickerFilterOf(mode, shape.asks),
    ],
    routes: [...routes, ...(server === undefined ? [rule({ prefix: "/" })] : modelRoutes(rule, shape.model))],
    clusters: [
      originalDstCluster(poolCluster, {
        metadata: { "aigateway.envoy.io": { [backend]: "vllm/route/0" } },
        ...(upstream === undefined ? {} : { filters: [upstreamFilter()] }),
      }),
      serviceCluster(serviceOfPods, pods),
      grpcCluster(pickerCluster, picker, "tls"),
      ...(server === undefined ? [] : [grpcCluster(serverCluster, server, "h2c")]),
      ...(upstream === undefined ? [] : [grpcCluster(upstreamCluster, upstream.address, "h2c")]),
    ],
  });
}

function gatewayFilter(): object {
  return extProcFilter({
    name: serverFilter,
    cluster: serverCluster,
    mode: {
      request_header_mode: "SEND",
      request_body_mode: "BUFFERED",
      response_header_mode: "SEND",
      response_body_mode: "BUFFERED",
    },
    disabled: true,
    message_timeout: "10s",
    allow_mode_override: true,
    metadata_options: { receiving_namespaces: { untyped: ["io.envoy.ai_gateway"] } },
  });
}

/** No namespaces: what the picker says in metadata is dropped. */
function pickerFilterOf(mode: AiGateway["mode"], request_attributes: readonly string[] = []): object {
  const config = { request_attributes, mode: poolModes[mode], message_timeout: "300s", failure_mode_allow: false };
  return extProcFilter({ name: pickerFilter, cluster: pickerCluster, ...config });
}

/** `action` is what the route does beside: a rewrite of the prefix, a retry. */
export function toPool(match: object, action: object = {}): Route {
  return { match, route: { cluster: poolCluster, timeout: "0s", ...action } };
}

/** Before its server has named the model every request is on the last of them. */
function modelRoutes(rule: typeof toService, model = "llama"): object[] {
  const named = { prefix: "/", headers: [{ name: modelHeader, string_match: { exact: model } }] };
  const of = rule(named);
  return [
    { ...of, typed_per_filter_config: { ...of.typed_per_filter_config, ...withFilter(serverFilter) } },
    {
      match: { prefix: "/" },
      ...directly(404, noRoute),
      typed_per_filter_config: { ...withFilter(serverFilter), ...without(pickerFilter) },
    },
  ];
}

/** An Envoy config as Envoy Gateway 1.9 makes it of the shipped objects of failover.yaml, in plaintext and with addresses of tests. */
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import { clientLimits, removedEarly } from "./client-traffic.ts";
import { managerOf } from "./envoy-filter.ts";
import { type JsonPatch, patched } from "./patch-policy.ts";
import { directly, poolGateway } from "./pool-gateway.ts";
import { documentsOf } from "./shipped-objects.ts";

const file = "envoy-gateway/failover.yaml";

interface Shipped<Spec> {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Spec;
}

function specOf<Spec>(kind: string, name: string): Spec {
  const objects = documentsOf(`gateways/${file}`) as Shipped<Spec>[];
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`${file} has no ${kind} ${name}`);
  return found.spec;
}

interface Traffic {
  readonly retry: {
    readonly retryOn: { readonly triggers: readonly string[]; readonly httpStatusCodes: readonly number[] };
    readonly numRetries: number;
    readonly numAttemptsPerPriority: number;
    readonly perRetry: {
      readonly timeout: string;
      readonly backOff: { readonly baseInterval: string; readonly maxInterval: string };
    };
  };
  readonly healthCheck: {
    readonly passive: {
      readonly consecutive5XxErrors: number;
      readonly interval: string;
      readonly baseEjectionTime: string;
      readonly maxEjectionPercent: number;
    };
    readonly panicThreshold: number;
  };
  readonly circuitBreaker: Readonly<Record<string, number>>;
  readonly timeout: { readonly tcp: { readonly connectTimeout: string }; readonly http: { streamIdleTimeout: string } };
}

interface HttpRoute {
  readonly rules: readonly {
    readonly matches: readonly {
      readonly headers?: readonly { readonly name: string; readonly value: string }[];
      readonly path?: { readonly type: "Exact" | "PathPrefix"; readonly value: string };
    }[];
    readonly backendRefs?: readonly { readonly name: string }[];
    readonly filters?: readonly { readonly extensionRef: { readonly name: string } }[];
    readonly timeouts?: { readonly request: string };
  }[];
}

const clusterName = "httproute/default/chat/rule/0";
const retryPlugins = "type.googleapis.com/envoy.extensions.retry";
const seconds = (text: string) => (text.endsWith("ms") ? `${Number.parseInt(text, 10) / 1000}s` : text);

function retryPolicy({ retry }: Traffic): object {
  const { retryOn, numRetries, numAttemptsPerPriority, perRetry } = retry;
  const host = { "@type": `${retryPlugins}.host.previous_hosts.v3.PreviousHostsPredicate` };
  const priority = { "@type": `${retryPlugins}.priority.previous_priorities.v3.PreviousPrioritiesConfig` };
  const { baseInterval, maxInterval } = perRetry.backOff;
  return {
    retry_on: retryOn.triggers.join(","),
    retriable_status_codes: retryOn.httpStatusCodes,
    num_retries: numRetries,
    per_try_timeout: perRetry.timeout,
    retry_back_off: { base_interval: seconds(baseInterval), max_interval: seconds(maxInterval) },
    retry_host_predicate: [{ name: "envoy.retry_host_predicates.previous_hosts", typed_config: host }],
    host_selection_retry_max_attempts: 5,
    retry_priority: {
      name: "envoy.retry_priorities.previous_priorities",
      typed_config: { ...priority, update_frequency: numAttemptsPerPriority },
    },
  };
}

function chatRoute(traffic: Traffic): object {
  const [rule] = specOf<HttpRoute>("HTTPRoute", "chat").rules;
  const headers = rule?.matches[0]?.headers?.map(({ name, value }) => ({ name, string_match: { exact: value } }));
  const { streamIdleTimeout } = traffic.timeout.http;
  return {
    match: { prefix: "/", headers },
    route: {
      cluster: clusterName,
      timeout: rule?.timeouts?.request,
      idle_timeout: streamIdleTimeout,
      retry_policy: retryPolicy(traffic),
    },
  };
}

interface DirectResponse {
  readonly directResponse: { readonly statusCode: number; readonly body: { readonly inline: string } };
}

function directRoutes(): object[] {
  return specOf<HttpRoute>("HTTPRoute", "no-model").rules.map(({ matches, filters }) => {
    const { type, value } = matches[0]?.path ?? { type: "PathPrefix", value: "/" };
    const { directResponse } = specOf<DirectResponse>("HTTPRouteFilter", filters?.[0]?.extensionRef.name ?? "");
    const match = type === "Exact" ? { path: value } : { prefix: value };
    return { match, ...directly(directResponse.statusCode, JSON.parse(directResponse.body.inline) as object) };
  });
}

/** Each Backend a locality of its own, with its name in Envoy Gateway's metadata. */
function locality({ name }: { readonly name: string }, address: string): object {
  const { fallback = false } = specOf<{ readonly fallback?: boolean }>("Backend", name);
  const [host, port] = address.split(":");
  const resources = [{ kind: "Backend", name, namespace: "default" }];
  return {
    priority: fallback ? 1 : 0,
    locality: { region: `${clusterName}/backend/${name}` },
    metadata: { filter_metadata: { "envoy-gateway": { resources } } },
    lb_endpoints: [{ endpoint: { address: { socket_address: { address: host, port_value: Number(port) } } } }],
  };
}

function chatCluster(traffic: Traffic, backends: readonly string[]): object {
  const { passive, panicThreshold } = traffic.healthCheck;
  const { circuitBreaker: limits, timeout } = traffic;
  const refs = specOf<HttpRoute>("HTTPRoute", "chat").rules[0]?.backendRefs ?? [];
  return {
    name: clusterName,
    type: "STATIC",
    connect_timeout: timeout.tcp.connectTimeout,
    common_lb_config: { healthy_panic_threshold: { value: panicThreshold } },
    outlier_detection: {
      consecutive_5xx: passive.consecutive5XxErrors,
      interval: passive.interval,
      base_ejection_time: passive.baseEjectionTime,
      max_ejection_percent: passive.maxEjectionPercent,
    },
    circuit_breakers: {
      thresholds: [
        {
          max_connections: limits["maxConnections"],
          max_pending_requests: limits["maxPendingRequests"],
          max_requests: limits["maxParallelRequests"],
          max_retries: limits["maxParallelRetries"],
        },
      ],
    },
    load_assignment: {
      cluster_name: clusterName,
      endpoints: refs.map((ref, at) => locality(ref, backends[at] ?? "")),
    },
  };
}

export interface FailoverGateway {
  readonly picker: string;
  /** In the order of the rule's backendRefs. */
  readonly backends: readonly string[];
}

export function failoverGateway({ picker, backends }: FailoverGateway): EnvoyConfig {
  const traffic = specOf<Traffic>("BackendTrafficPolicy", "chat");
  const { jsonPatches } = specOf<{ readonly jsonPatches: readonly JsonPatch[] }>("EnvoyPatchPolicy", "backends");
  const patchesOf = (name: string) => jsonPatches.filter((each) => each.name === name);
  const [own] = patchesOf("pointsman");
  const [host, port] = picker.split(":");
  const address = { socket_address: { address: host, port_value: Number(port) } };
  const pickers = {
    ...(own?.operation.value as object),
    type: "STATIC",
    load_assignment: { cluster_name: "pointsman", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
  const config = poolGateway({
    removed: removedEarly(file),
    limits: clientLimits(file),
    filters: [],
    routes: [chatRoute(traffic), ...directRoutes()],
    clusters: [patched(chatCluster(traffic, backends), patchesOf(clusterName)), pickers],
  });
  const { listeners, ...rest } = config["static_resources"] as { listeners: Record<string, unknown>[] };
  const [listener] = listeners.map((each) => patched(each, patchesOf("default/inference/http")));
  if (listener === undefined) throw new Error("the gateway has no listener");
  // As Envoy Gateway has it: the client's address is the connection's, and is told to whom it concerns.
  Object.assign(managerOf(listener), { use_remote_address: true });
  return { ...config, static_resources: { ...rest, listeners: [listener] } };
}

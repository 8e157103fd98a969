/** An Envoy config of the shape that AIBrix's policies and routes make of Envoy Gateway, with the shipped patches or without. */
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import { clientLimits, removedEarly } from "./client-traffic.ts";
import {
  extProcFilter,
  grpcCluster,
  originalDstCluster,
  poolGateway,
  serviceCluster,
  withFilter,
} from "./pool-gateway.ts";

export interface AibrixGateway {
  /** Who is behind the plugin's Service. */
  readonly picker: string;
  readonly pods: readonly string[];
  /** Of the Helm release: Envoy Gateway makes the filter's name from it, AIBrix's own patch does not. */
  readonly release?: string;
  /** Are the patches of routes.yaml there? */
  readonly patched?: boolean;
  /** Was the policy accepted? Without it there is no filter. */
  readonly accepted?: boolean;
}

interface Operation {
  readonly jsonPath?: string;
  readonly path?: string;
  readonly value: unknown;
}
interface Spec {
  readonly jsonPatches?: readonly { readonly type: string; readonly operation: Operation }[];
  readonly extProc?: readonly ExtProc[];
}
interface ExtProc {
  readonly backendRefs: readonly { readonly name: string; readonly port: number }[];
  readonly processingMode: Readonly<Record<"request" | "response", { readonly body: "Buffered" | "Streamed" }>>;
  readonly messageTimeout: string;
  readonly failOpen: boolean;
}
interface Route {
  readonly metadata?: { readonly filter_metadata: { readonly "envoy-gateway": { resources: { name: string }[] } } };
  readonly route: Record<string, unknown>;
  readonly [field: string]: unknown;
}

const specsOf = (file: string): Spec[] =>
  parseAllDocuments(readFileSync(new URL(`../../deploy/gateways/aibrix/${file}`, import.meta.url), "utf8")).map(
    (document) => (document.toJS() as { spec: Spec }).spec,
  );

/** AIBrix's policy, as the copy of it that is shipped says. */
export function aibrixPolicy(): ExtProc {
  const found = specsOf("policy.yaml").flatMap(({ extProc = [] }) => extProc)[0];
  if (found === undefined) throw new Error("policy.yaml has no extProc");
  return found;
}

const patches = specsOf("routes.yaml").flatMap(({ jsonPatches = [] }) => jsonPatches);
const removed = removedEarly("aibrix/routes.yaml");
const limits = clientLimits("aibrix/routes.yaml");

const nameOf = (release: string) =>
  `envoy.filters.http.ext_proc/envoyextensionpolicy/${release}-system/${release}-gateway-plugins-extension-policy/extproc/0`;

const extensionPolicy = (release: string) => {
  const { processingMode, messageTimeout, failOpen } = aibrixPolicy();
  const body = (direction: "request" | "response") => processingMode[direction].body.toUpperCase();
  return extProcFilter({
    name: nameOf(release),
    cluster: "plugin",
    mode: {
      request_header_mode: "SEND",
      request_body_mode: body("request"),
      response_header_mode: "SEND",
      response_body_mode: body("response"),
    },
    disabled: true,
    message_timeout: messageTimeout,
    failure_mode_allow: failOpen,
  });
};

/** Of the reserved routes some; as they are they end at the plugin, which is no pod. */
const reservedPaths = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages"];

export function aibrixGateway(shape: AibrixGateway): EnvoyConfig {
  const { picker, pods, release = "aibrix", patched = true, accepted = true } = shape;
  const routes = [originalRoute(accepted), ...otherRoutes(accepted ? release : undefined)];
  if (patched) patchRoutes(routes);
  return poolGateway({
    removed: patched ? removed : [],
    limits: patched ? limits : undefined,
    filters: accepted ? [extensionPolicy(release)] : [],
    routes,
    clusters: [
      originalDstCluster("original_destination_cluster", { header: "target-pod" }),
      serviceCluster("model-router", pods),
      serviceCluster("metadata-service", pods.slice(0, 1)),
      grpcCluster("plugin", picker, "h2c"),
    ],
    manager: patched ? { local_reply_config: patchWhere((operation) => operation.path === "/local_reply_config") } : {},
  });
}

/** AIBrix's own patch, which names the filter as that of a release called aibrix. Envoy passes over names it does not have. */
function originalRoute(accepted: boolean): Route {
  const anyStrategy = { name: "routing-strategy", string_match: { safe_regex: { regex: ".*" } } };
  return {
    name: "original_route",
    match: { prefix: "/", headers: [anyStrategy] },
    route: { cluster: "original_destination_cluster", timeout: "120s" },
    ...(accepted ? { typed_per_filter_config: withFilter(nameOf("aibrix")) } : {}),
  };
}

function otherRoutes(release: string | undefined): Route[] {
  const ofRoute = (name: string) => ({ filter_metadata: { "envoy-gateway": { resources: [{ name }] } } });
  const toModel = { name: "model", string_match: { exact: "m" } };
  const filter = release === undefined ? {} : { typed_per_filter_config: withFilter(nameOf(release)) };
  return [
    {
      match: { prefix: "/v1/chat/completions", headers: [toModel] },
      route: { cluster: "model-router", timeout: "120s" },
      metadata: ofRoute("m-router"),
    },
    { match: { prefix: "/v1/models" }, route: { cluster: "metadata-service" }, metadata: ofRoute("metadata-router") },
    ...reservedPaths.map((prefix) => ({
      match: { prefix },
      route: { cluster: "plugin", timeout: "120s" },
      metadata: ofRoute("aibrix-reserved-router"),
      ...filter,
    })),
  ];
}

function patchWhere(isWanted: (operation: Operation) => boolean): unknown {
  const found = patches.map(({ operation }) => operation).find(isWanted);
  if (found === undefined) throw new Error("routes.yaml lacks a patch");
  return found.value;
}

/** As the JSONPath finds them: by the HTTPRoute in their metadata. */
function patchRoutes(routes: readonly Route[]): void {
  for (const { type, operation } of patches) {
    if (!type.endsWith("RouteConfiguration")) continue;
    const wanted = /resources\[0\]\.name=='([^']+)'/.exec(operation.jsonPath ?? "")?.[1];
    const met = routes.filter((each) => each.metadata?.filter_metadata["envoy-gateway"].resources[0]?.name === wanted);
    if (met.length === 0) throw new Error(`a patch of routes.yaml meets no route: ${operation.jsonPath}`);
    for (const { route } of met) route[operation.path?.slice(1) ?? "cluster"] = operation.value;
  }
}

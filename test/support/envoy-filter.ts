/** Applies the EnvoyFilters of a shipped manifest to an Envoy config as istiod would: the operations that the manifests use. */
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import { documentsOf } from "./shipped-objects.ts";

interface Named {
  readonly name?: string;
}
type Tree = Record<string, unknown>;

interface ConfigPatch {
  readonly applyTo: string;
  readonly match: {
    readonly listener?: { readonly filterChain: { readonly filter: { readonly subFilter: Named } } };
    readonly routeConfiguration?: { readonly vhost: { readonly route: Named } };
    readonly cluster?: { readonly service: string; readonly portNumber: number };
  };
  readonly patch: { readonly operation: string; readonly value: Tree };
}

/** The specs of one kind in a file of deploy/gateways/. */
function specsOf<Spec>(file: string, kind: string): readonly Spec[] {
  const objects = documentsOf(`gateways/${file}`) as { readonly kind: string; readonly spec: Spec }[];
  return objects.filter((object) => object.kind === kind).map(({ spec }) => spec);
}

/** The patches of every EnvoyFilter. */
export function patchesOf(file: string): readonly ConfigPatch[] {
  return specsOf<{ configPatches: ConfigPatch[] }>(file, "EnvoyFilter").flatMap(({ configPatches }) => configPatches);
}

interface DestinationRule {
  readonly host: string;
  readonly trafficPolicy: { readonly loadBalancer?: { readonly localityLbSetting?: { readonly enabled: boolean } } };
}

/** The hosts of which a DestinationRule says that localities do not count. */
export function anyLocalityIn(file: string): readonly string[] {
  const isOff = ({ trafficPolicy }: DestinationRule) =>
    trafficPolicy.loadBalancer?.localityLbSetting?.enabled === false;
  return specsOf<DestinationRule>(file, "DestinationRule")
    .filter(isOff)
    .map(({ host }) => host);
}

/** A patch that meets nothing is an error here; istiod passes it over without a word. */
export function applyPatches(config: EnvoyConfig, patches: readonly ConfigPatch[]): EnvoyConfig {
  const tree = structuredClone(config) as Tree;
  for (const each of patches) applyPatch(tree, each);
  return tree;
}

function applyPatch(tree: Tree, each: ConfigPatch): void {
  const { listeners, clusters } = tree["static_resources"] as { listeners: Tree[]; clusters: Tree[] };
  const { applyTo, match, patch } = each;
  const managers = listeners.map(managerOf);
  if (applyTo === "NETWORK_FILTER") {
    // istiod looks into the Any of a filter where both are of one type.
    mergeEach(managers, (patch.value as { typed_config: Tree }).typed_config);
  } else if (applyTo === "HTTP_FILTER") {
    for (const manager of managers) patchFilters(manager["http_filters"] as Tree[], each);
  } else if (applyTo === "HTTP_ROUTE") {
    const wanted = match.routeConfiguration?.vhost.route.name;
    const met = managers.flatMap(routesOf).filter(({ name }) => name === wanted);
    mergeEach(met, patch.value);
  } else if (applyTo === "CLUSTER") {
    const { service = "", portNumber = 0 } = match.cluster ?? {};
    const met = clusters.filter(({ name }) => name === `outbound|${portNumber}||${service}`);
    mergeEach(met, patch.value);
  } else if (applyTo === "LISTENER") mergeEach(listeners, patch.value);
  else throw new Error(`no patches of ${applyTo} are known here`);
}

function patchFilters(filters: Tree[], { match, patch }: ConfigPatch): void {
  const at = filters.findIndex(({ name }) => name === match.listener?.filterChain.filter.subFilter.name);
  if (at < 0) throw new Error("the patch meets no filter");
  if (patch.operation === "INSERT_BEFORE") filters.splice(at, 0, patch.value);
  else if (patch.operation === "REPLACE") filters.splice(at, 1, patch.value);
  else throw new Error(`no operation ${patch.operation} is known here`);
}

export function managerOf(listener: Tree): Tree {
  const chains = listener["filter_chains"] as { filters: { typed_config: Tree }[] }[];
  const manager = chains[0]?.filters[0]?.typed_config;
  if (manager === undefined) throw new Error("the listener has no filter");
  return manager;
}

function routesOf(manager: Tree): Tree[] {
  const { virtual_hosts } = manager["route_config"] as { virtual_hosts: { routes: Tree[] }[] };
  return virtual_hosts.flatMap(({ routes }) => routes);
}

function mergeEach(targets: readonly Tree[], value: Tree): void {
  if (targets.length === 0) throw new Error("the patch meets nothing");
  for (const target of targets) merge(target, value);
}

/** As protobuf merges: messages field by field, and what stands in an Any, in a list or alone is replaced. */
function merge(target: Tree, value: Tree): void {
  for (const [key, to] of Object.entries(value)) {
    const from = target[key];
    if (isMessage(from) && isMessage(to)) merge(from, to);
    else target[key] = structuredClone(to);
  }
}

function isMessage(node: unknown): node is Tree {
  return typeof node === "object" && node !== null && !Array.isArray(node) && !("@type" in node);
}

/** The per-route settings of the picked route with other processing modes, as another EnvoyFilter would have it. */
export function withMode(config: EnvoyConfig, mode: object): EnvoyConfig {
  type Overridden = Record<string, { overrides: { processing_mode: object } }>;
  for (const route of managersOf(config).flatMap(routesOf)) {
    for (const { overrides } of Object.values((route["typed_per_filter_config"] ?? {}) as Overridden)) {
      overrides.processing_mode = { ...overrides.processing_mode, ...mode };
    }
  }
  return config;
}

/** The ext_proc filter with other fields, which no route can override. */
export function withFilterOption(config: EnvoyConfig, fields: object): EnvoyConfig {
  for (const manager of managersOf(config)) {
    for (const filter of manager["http_filters"] as { typed_config: { "@type": string } }[]) {
      if (filter.typed_config["@type"].endsWith("ExternalProcessor")) Object.assign(filter.typed_config, fields);
    }
  }
  return config;
}

function managersOf(config: EnvoyConfig): Tree[] {
  return (config["static_resources"] as { listeners: Tree[] }).listeners.map(managerOf);
}

/** Which gateways a policy holds for, and which gateways lead to the same backends. */
import { isRecord } from "../place.ts";
import type { KubeObject } from "./kube-object.ts";

/** Where Istio looks for what holds everywhere. */
const ROOT_NAMESPACE = "istio-system";

function gatewaysIn(objects: readonly KubeObject[]): KubeObject[] {
  return objects.filter(({ kind, group }) => kind === "Gateway" && group === "gateway.networking.k8s.io");
}

/** By its targetRefs, by its selector, or by standing where it does; one that is bound to routes holds for all gateways. */
export function covers(policy: KubeObject, gateway: KubeObject, objects: readonly KubeObject[]): boolean {
  const spec = policy.at.at("spec");
  const refs = [...spec.at("targetRefs").items(), spec.at("targetRef")].filter((ref) => ref.isThere);
  const toGateways = refs.filter((ref) => ref.at("kind").text() === "Gateway");
  if (refs.length > 0) {
    const isNamed = toGateways.some((ref) => ref.at("name").text() === gateway.name);
    return toGateways.length === 0 || (isNamed && policy.namespace === gateway.namespace);
  }
  if (policy.namespace !== gateway.namespace && policy.namespace !== ROOT_NAMESPACE) return false;
  const selector = spec.at("workloadSelector", "labels").value;
  if (!isRecord(selector)) return true;
  return podLabelsOf(gateway, objects).some((labels) =>
    Object.entries(selector).every(([key, value]) => labels[key] === value),
  );
}

/** Of its pods, or those that a controller would give them. */
function podLabelsOf(gateway: KubeObject, objects: readonly KubeObject[]): Readonly<Record<string, unknown>>[] {
  const named = ["gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"];
  const pods = objects.filter(
    ({ kind, labels, namespace }) =>
      kind === "Pod" && namespace === gateway.namespace && named.some((key) => labels[key] === gateway.name),
  );
  if (pods.length > 0) return pods.map(({ labels }) => labels);
  const own = gateway.at.at("spec", "infrastructure", "labels").value;
  const given = Object.fromEntries(named.map((key) => [key, gateway.name]));
  return [{ ...given, ...gateway.labels, ...(isRecord(own) && own) }];
}

/** What the routes of a gateway lead to: `InferencePool default/vllm`. */
export function backendsOf(gateway: KubeObject, objects: readonly KubeObject[]): Set<string> {
  const routes = objects.filter(({ kind }) => kind === "HTTPRoute").filter((route) => isAttached(route, gateway));
  return new Set(
    routes.flatMap(({ at, namespace }) =>
      at
        .at("spec", "rules")
        .items()
        .flatMap((rule) => rule.at("backendRefs").items())
        .map((ref) => {
          const space = ref.at("namespace").text() || namespace;
          return `${ref.at("kind").text() || "Service"} ${space}/${ref.at("name").text()}`;
        }),
    ),
  );
}

function isAttached(route: KubeObject, gateway: KubeObject): boolean {
  return route.at
    .at("spec", "parentRefs")
    .items()
    .some((ref) => {
      const space = ref.at("namespace").text() || route.namespace;
      return ref.at("name").text() === gateway.name && space === gateway.namespace;
    });
}

/** Does it lead to pods that a picker chooses: to a pool, or through a policy that asks one? */
export function leadsToPods(gateway: KubeObject, objects: readonly KubeObject[]): boolean {
  if ([...backendsOf(gateway, objects)].some(isPool)) return true;
  return objects.some((object) => {
    if (object.kind === "AIGatewayRoute") return isAttached(object, gateway);
    const isOfPicker = /^(EnvoyFilter|EnvoyExtensionPolicy)$/.test(object.kind) && mentionsExtProc(object);
    return isOfPicker && isBoundTo(object, gateway, objects);
  });
}

function isPool(backend: string): boolean {
  return backend.startsWith("InferencePool ");
}

function mentionsExtProc({ at }: KubeObject): boolean {
  return /ext_?proc/i.test(JSON.stringify(at.at("spec").value) ?? "");
}

/** To itself, or to a route that is attached to it. */
function isBoundTo(policy: KubeObject, gateway: KubeObject, objects: readonly KubeObject[]): boolean {
  const spec = policy.at.at("spec");
  const refs = [...spec.at("targetRefs").items(), spec.at("targetRef")].filter((ref) => ref.isThere);
  const names = refs.filter((ref) => ref.at("kind").text().endsWith("Route")).map((ref) => ref.at("name").text());
  if (names.length === 0) return covers(policy, gateway, objects);
  const routes = objects.filter(({ name, namespace }) => names.includes(name) && namespace === policy.namespace);
  return routes.some((route) => route.kind.endsWith("Route") && isAttached(route, gateway));
}

export interface Unbound {
  readonly gateway: KubeObject;
  /** The policy that holds for another gateway, which leads to the same place. */
  readonly policy: KubeObject;
  readonly peer: KubeObject;
  readonly backend: string;
  /** A pool, or all that the other gateway has: elsewhere it may be the one place that needs no picker. */
  readonly isPicked: boolean;
}

/** Gateways that none of these policies holds for, though one does for a gateway to the same backend. */
export function unboundBy(policies: readonly KubeObject[], objects: readonly KubeObject[]): Unbound[] {
  const gateways = gatewaysIn(objects);
  const holds = (gateway: KubeObject) => policies.find((policy) => covers(policy, gateway, objects));
  return gateways.flatMap((gateway): Unbound[] => {
    if (holds(gateway) !== undefined) return [];
    const mine = backendsOf(gateway, objects);
    for (const peer of gateways) {
      const policy = holds(peer);
      const theirs = [...backendsOf(peer, objects)];
      const shared = theirs.filter((each) => mine.has(each));
      const [backend] = [...shared.filter(isPool), ...shared];
      if (policy === undefined || backend === undefined) continue;
      return [{ gateway, policy, peer, backend, isPicked: isPool(backend) || shared.length === theirs.length }];
    }
    return [];
  });
}

/** The gateway that a pod or a Service was made for, by the labels that controllers give it; "" for none. */
export function gatewayNameOf({ labels }: KubeObject): string {
  const keys = [
    "gateway.networking.k8s.io/gateway-name",
    "gateway.envoyproxy.io/owning-gateway-name",
    "istio.io/gateway-name",
  ];
  const named = keys.map((key) => labels[key]).find((name) => name !== undefined);
  // The gateway that comes with Istio itself has no object of its own.
  return named ?? (labels["istio"] === "ingressgateway" ? "istio-ingressgateway" : "");
}

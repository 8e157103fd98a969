/** Conditions by which a controller says that it made nothing of an object, and whether that object bears on a pick. */
import { type Condition, conditionsOf, type KubeObject } from "./kube-object.ts";

/** Kinds of gateways: elsewhere the same words mean other things. */
const GROUPS =
  /^(gateway\.networking\.k8s\.io|inference\.networking\.(x-)?k8s\.io|(aigateway|gateway)\.envoyproxy\.io|networking\.istio\.io|gateway\.kgateway\.dev|networking\.gke\.io)$/;
const TYPES = ["Accepted", "Programmed", "ResolvedRefs"];

export interface Refusal {
  readonly object: KubeObject;
  readonly condition: Condition;
  /** Its words, or its reason where it has none. */
  readonly message: string;
}

export function refusalsIn(objects: readonly KubeObject[]): Refusal[] {
  return objects.flatMap((object) =>
    GROUPS.test(object.group)
      ? conditionsOf(object)
          .filter(({ type, status }) => TYPES.includes(type) && status === "False")
          .map((condition) => ({ object, condition, message: condition.message || condition.reason }))
      : [],
  );
}

/** As the report says it. */
export function wordsOf({ condition, message }: Refusal): string {
  return `${condition.type}=False: ${message}`;
}

export function quoteOf({ condition }: Refusal) {
  return condition.at.at(condition.message === "" ? "reason" : "message").quote();
}

interface Ref {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/**
 * Is it of the way that leads past a picker? In a cluster with other routes and other gateways many things can be refused
 * that no such request meets. Where nothing leads to a picker that is known, all of it may be.
 */
export function bearsOnPick(object: KubeObject, objects: readonly KubeObject[]): boolean {
  const policies = objects.filter(asksPicker);
  const targets = policies.flatMap(targetsOf);
  const routes = objects.filter(
    (each) => isRoute(each) && (leadsToPool(each) || targets.some((target) => isNamed(each, target))),
  );
  const gateways = [...routes.flatMap(parentsOf), ...targets.filter(({ kind }) => kind === "Gateway")];
  if (policies.length === 0 && routes.length === 0) return true;
  if (isRoute(object)) return routes.includes(object);
  if (object.kind === "Gateway") return gateways.some((gateway) => isNamed(object, { ...gateway, kind: "Gateway" }));
  const own = targetsOf(object);
  if (own.length === 0 || asksPicker(object)) return true;
  return own.some((ref) => routes.some((route) => isNamed(route, ref)) || gateways.some((each) => isSame(each, ref)));
}

function isRoute({ kind }: KubeObject): boolean {
  return kind === "HTTPRoute" || kind === "GRPCRoute";
}

/** A policy that makes an ext_proc filter. */
function asksPicker({ kind, at }: KubeObject): boolean {
  const spec = at.at("spec");
  return (kind === "EnvoyExtensionPolicy" || kind === "TrafficPolicy") && spec.at("extProc").isThere;
}

function leadsToPool({ at }: KubeObject): boolean {
  const refs = at.at("spec", "rules").items();
  return refs.some((rule) =>
    rule
      .at("backendRefs")
      .items()
      .some((ref) => ref.at("kind").text() === "InferencePool"),
  );
}

function targetsOf({ at, namespace }: KubeObject): Ref[] {
  const spec = at.at("spec");
  return [...spec.at("targetRefs").items(), spec.at("targetRef")]
    .filter((ref) => ref.isThere)
    .map((ref) => ({ kind: ref.at("kind").text(), name: ref.at("name").text(), namespace }));
}

function parentsOf({ at, namespace }: KubeObject): Ref[] {
  return at
    .at("spec", "parentRefs")
    .items()
    .map((ref) => ({
      kind: ref.at("kind").text() || "Gateway",
      name: ref.at("name").text(),
      namespace: ref.at("namespace").text() || namespace,
    }));
}

function isNamed(object: KubeObject, ref: Ref): boolean {
  return isSame({ kind: object.kind, name: object.name, namespace: object.namespace }, ref);
}

function isSame(a: Ref, b: Ref): boolean {
  return a.kind === b.kind && a.name === b.name && a.namespace === b.namespace;
}

/** Which rules of routes lead to which InferencePools. */
import type { Place } from "../place.ts";
import { conditionsOf, type KubeObject } from "./kube-object.ts";

export interface PoolRef {
  readonly route: KubeObject;
  /** Counted from 0. */
  readonly rule: number;
  readonly group: string;
  readonly name: string;
  readonly namespace: string;
  readonly at: Place;
}

export function poolRefsIn(objects: readonly KubeObject[]): PoolRef[] {
  return objects
    .filter(({ kind }) => kind === "HTTPRoute")
    .flatMap((route) =>
      route.at
        .at("spec", "rules")
        .items()
        .flatMap((rule, index) => refsOf(route, rule, index)),
    );
}

function refsOf(route: KubeObject, rule: Place, index: number): PoolRef[] {
  return rule
    .at("backendRefs")
    .items()
    .filter((at) => at.at("kind").text() === "InferencePool")
    .map((at) => ({
      route,
      rule: index,
      group: at.at("group").text(),
      name: at.at("name").text(),
      namespace: at.at("namespace").text() || route.namespace,
      at,
    }));
}

/** The condition by which a controller says that it cannot follow a route's backends. */
export function unresolved(route: KubeObject) {
  return conditionsOf(route).find(({ type, status }) => type === "ResolvedRefs" && status === "False");
}

/** The Service that an Envoy cluster leads to, and what its pods lack. */
import { isRecord } from "../place.ts";
import type { Because } from "../probe.ts";
import { conditionsOf, type KubeObject, titleOf } from "./kube-object.ts";

/** The part of a link that names a Service, in the ways that gateways have. */
export interface Named {
  readonly to: string;
  readonly cluster: { readonly endpoints: readonly string[] } | undefined;
}

/** By the cluster's name or its endpoint's: outbound|9002||picker.default.svc.cluster.local, or the address of the Service. */
export function serviceOf({ to, cluster }: Named, objects: readonly KubeObject[]): KubeObject | undefined {
  const words = [to, ...(cluster?.endpoints ?? [])];
  const services = objects.filter(({ kind }) => kind === "Service");
  const hosts = words.flatMap((word) => [...word.matchAll(/([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b/g)]);
  const named = services.find(({ name, namespace }) =>
    hosts.some(([, host, space]) => host === name && space === namespace),
  );
  const addresses = words.map((word) => word.replace(/:\d+$/, ""));
  return named ?? services.find((service) => addresses.includes(addressOfService(service)));
}

export function addressOfService({ at }: KubeObject): string {
  return at.at("spec", "clusterIP").text();
}

/** As kubectl takes it: app=pointsman,tier=picker. */
export function selectorOf({ at }: KubeObject): string {
  return at
    .at("spec", "selector")
    .entries()
    .map(([key, value]) => `${key}=${value.text()}`)
    .join(",");
}

/** Why nobody answers behind a Service: no pods, or pods that do not run. */
export function podTroubles(service: KubeObject, objects: readonly KubeObject[]): Because[] {
  const pods = objects.filter(({ kind, namespace }) => kind === "Pod" && namespace === service.namespace);
  const selected = pods.filter((pod) => isSelected(service, pod));
  if (pods.length > 0 && selected.length === 0) {
    const says = `${titleOf(service)} selects none of the ${pods.length} pods of its namespace.`;
    return [{ says, evidence: service.at.at("spec", "selector").quote() }];
  }
  return selected.flatMap(podTrouble).slice(0, 2);
}

function isSelected(service: KubeObject, pod: KubeObject): boolean {
  const selector = service.at.at("spec", "selector").value;
  if (!isRecord(selector)) return false;
  return Object.entries(selector).every(([key, value]) => pod.labels[key] === value);
}

/** Why a pod serves nobody: it waits to start, was put away, found no node, or is not ready. */
export function podTrouble(pod: KubeObject): Because[] {
  const status = pod.at.at("status");
  const waiting = ["initContainerStatuses", "containerStatuses"]
    .flatMap((key) => status.at(key).items())
    .map((container) => container.at("state", "waiting", "reason"))
    .find((reason) => reason.isThere && reason.text() !== "PodInitializing");
  if (waiting !== undefined)
    return [{ says: `${titleOf(pod)} does not run: ${waiting.text()}.`, evidence: waiting.quote() }];
  if (status.at("phase").text() === "Failed") {
    const reason = status.at("reason");
    const said = reason.isThere ? reason : status.at("phase");
    return [{ says: `${titleOf(pod)} does not run: ${said.text()}.`, evidence: said.quote() }];
  }
  const homeless = conditionsOf(pod).find(({ type, status }) => type === "PodScheduled" && status === "False");
  const unready = homeless ?? conditionsOf(pod).find(({ type, status }) => type === "Ready" && status === "False");
  if (unready === undefined) return [];
  const says = homeless === undefined ? "is not ready" : "found no node to run on";
  return [{ says: `${titleOf(pod)} ${says}.`, evidence: unready.at.at("message").quote() }];
}

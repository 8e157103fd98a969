/** A Pod of Kubernetes: may it serve, and which endpoints does it make? Only what this needs is kept of it. */
import { isIP } from "node:net";
import type { PodSpec } from "../../pods/pod-table.ts";
import { podAddress } from "../pod-address.ts";
import { at, type Json, listAt, Malformed, portOf, textAt, textMapAt } from "./kube-json.ts";

export interface ServingPod {
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The ports that its annotation limits it to; all of the pool's without one. */
  readonly activePorts?: readonly number[];
}

const activePortsAnnotations = ["llm-d.ai/active-ports", "inference.networking.k8s.io/active-ports"];

/** undefined while it may not serve: it has no address yet, is not ready, is leaving or has ended. */
export function readPod(object: Json): ServingPod | Malformed | undefined {
  if (!isServing(object)) return undefined;
  const name = textAt(object, "metadata", "name");
  const uid = textAt(object, "metadata", "uid");
  const ip = textAt(object, "status", "podIP") ?? "";
  if (name === undefined || uid === undefined) return new Malformed("has no uid");
  if (isIP(ip) === 0) return new Malformed(`has a podIP that is no address: ${JSON.stringify(ip.slice(0, 64))}`);
  const labels = textMapAt(object, "metadata", "labels");
  const limit = activePortsAnnotations.map((key) => at(object, "metadata", "annotations", key)).find(isText);
  return { name, uid, ip, labels, ...(limit !== undefined && { activePorts: limit.split(",").flatMap(portsIn) }) };
}

function isServing(object: Json): boolean {
  if (at(object, "metadata", "deletionTimestamp") !== undefined) return false;
  const phase = textAt(object, "status", "phase");
  if (phase === "Succeeded" || phase === "Failed" || textAt(object, "status", "podIP") === undefined) return false;
  const ready = listAt(object, "status", "conditions").find((condition) => textAt(condition, "type") === "Ready");
  return textAt(ready, "status") === "True";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function portsIn(text: string): number[] {
  const port = portOf(text);
  return port === undefined ? [] : [port];
}

/** One endpoint per port: with several, such as data-parallel ranks, each takes requests of its own. */
export function endpointsOf(pod: ServingPod, ports: readonly number[]): PodSpec[] {
  const { name, uid, labels, ip, activePorts } = pod;
  return ports.flatMap((port, rank) => {
    if (activePorts !== undefined && !activePorts.includes(port)) return [];
    return { name: ports.length === 1 ? name : `${name}-rank-${rank}`, address: podAddress(ip, port), labels, uid };
  });
}

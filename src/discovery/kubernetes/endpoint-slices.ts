/** EndpointSlices of a Service: which addresses are ready, under which of the Service's ports. */
import { isIP, isIPv4 } from "node:net";
import type { PodSpec } from "../../pods/pod-table.ts";
import { podAddress } from "../pod-address.ts";
import { at, isPort, type Json, listAt, textAt } from "./kube-json.ts";

interface SlicePort {
  readonly name: string;
  readonly number: number;
}

interface SliceEndpoint {
  readonly ip: string;
  /** Of the pod behind it; Services without a selector have none. */
  readonly uid?: string;
  readonly name?: string;
}

export interface Slice {
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly SliceEndpoint[];
}

export function readSlice(object: Json): Slice {
  return {
    ports: listAt(object, "ports").flatMap(readPort),
    endpoints: listAt(object, "endpoints").flatMap(readEndpoint),
  };
}

function readPort(value: unknown): SlicePort[] {
  const number = at(value, "port");
  // A slice without a protocol means TCP; a port without a number stands for all of them and names no endpoint.
  if (!isPort(number) || (textAt(value, "protocol") ?? "TCP") !== "TCP") return [];
  return [{ name: textAt(value, "name") ?? "", number }];
}

function readEndpoint(value: unknown): SliceEndpoint[] {
  // An unknown readiness counts as ready; a Service may publish pods as ready that are leaving.
  if (at(value, "conditions", "ready") === false || at(value, "conditions", "terminating") === true) return [];
  // Further addresses are the same endpoint again: Kubernetes itself uses the first.
  const ip = listAt(value, "addresses")[0];
  if (typeof ip !== "string" || isIP(ip) === 0 || ip.includes("%")) return [];
  const uid = textAt(value, "targetRef", "uid");
  const name = textAt(value, "targetRef", "name");
  return [{ ip, ...(uid !== undefined && { uid }), ...(name !== undefined && { name }) }];
}

/**
 * `port` is the name or the number that the slices show (that of the pods); without it each slice's first. A text when
 * there are endpoints, but none has this port.
 */
export function sliceEndpoints(slices: Iterable<Slice>, port: string | number | undefined): PodSpec[] | string {
  const found = new Map<string, PodSpec>();
  const seen = new Set<string>();
  let passedOver = 0;
  for (const { ports, endpoints } of slices) {
    const chosen = ports.find(({ name, number }) => port === undefined || port === number || port === name);
    if (chosen === undefined) {
      for (const each of ports) seen.add(each.name === "" ? String(each.number) : `${each.name}=${each.number}`);
      passedOver += endpoints.length;
    } else for (const endpoint of endpoints) keep(endpoint, chosen.number, found);
  }
  if (found.size === 0 && passedOver > 0) {
    return `has no port ${port ?? "at all"}${seen.size > 0 ? ` (it has ${[...seen].join(", ")})` : ""}`;
  }
  return [...found.values()];
}

/** A pod of a dual-stack Service stands in a slice per family: it is one pod, under its IPv4 address. */
function keep({ ip, uid, name }: SliceEndpoint, port: number, found: Map<string, PodSpec>): void {
  const address = podAddress(ip, port);
  const key = uid ?? address;
  if (found.has(key) && !isIPv4(ip)) return;
  found.set(key, { name: name ?? address, address, ...(uid !== undefined && { uid }) });
}

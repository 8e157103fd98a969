/** How objects of Kubernetes are named in flags and in the config file. */
import { parsePort } from "../discovery/pod-address.ts";

export interface Place {
  /** "" is the picker's own. */
  readonly namespace: string;
  readonly name: string;
}

export const MOST_TARGET_PORTS = 8;
export const expectedObjectName = "a name of small letters, digits, - and .";
export const expectedPlace = "namespace/name, or a name beside --pool-namespace";
export const expectedService = "namespace/name or namespace/name:port, or without a namespace beside --pool-namespace";
export const expectedServicePort = "a port by name or number";
export const expectedAibrix = "a namespace, or all";

export const expectedSelector = "a label selector such as app=vllm,tier in (gold, silver)";

const ALL_NAMESPACES = "all";
/** RFC 1123, as Kubernetes names its objects. */
const objectNamePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const portNamePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export function isObjectName(text: string): boolean {
  return objectNamePattern.test(text);
}

/** `namespace/name`, or a name in the namespace given beside. */
export function parsePlace(text: string, namespaceBeside: string): Place | undefined {
  const slash = text.indexOf("/");
  const namespace = slash === -1 ? namespaceBeside : text.slice(0, slash);
  const name = text.slice(slash + 1);
  return isObjectName(name) && (slash === -1 || isObjectName(namespace)) ? { namespace, name } : undefined;
}

/** A place and, after a colon, a port; "" is the first one of the Service. */
export function parseService(text: string, namespaceBeside: string): (Place & { readonly port: string }) | undefined {
  const [placeText = "", port, ...more] = text.split(":");
  const place = parsePlace(placeText, namespaceBeside);
  if (place === undefined || more.length > 0) return undefined;
  return port === undefined || isServicePort(port) ? { ...place, port: port ?? "" } : undefined;
}

export function isServicePort(text: string): boolean {
  return /^\d+$/.test(text) ? parsePort(text) !== undefined : portNamePattern.test(text);
}

/** "" for all namespaces. */
export function parseAibrix(text: string): string | undefined {
  if (text === ALL_NAMESPACES) return "";
  return isObjectName(text) ? text : undefined;
}

/** More belongs into no command line, and bounds what the pattern costs. */
const LONGEST_SELECTOR = 4096;
const labelName = "[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
const labelKey = `(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?${labelName}`;
const labelValue = `(?:${labelName})?`;
const requirement = [
  `!?\\s*${labelKey}`,
  `${labelKey}\\s*(?:==?|!=)\\s*${labelValue}`,
  `${labelKey}\\s+(?:in|notin)\\s*\\(\\s*${labelValue}(?:\\s*,\\s*${labelValue})*\\s*\\)`,
].join("|");
const selectorPattern = new RegExp(`^\\s*(?:${requirement})\\s*(?:,\\s*(?:${requirement})\\s*)*$`);

/** As Kubernetes reads it; an API server would say so only once it is asked. */
export function isLabelSelector(text: string): boolean {
  return text.length <= LONGEST_SELECTOR && selectorPattern.test(text);
}

/** InferencePool objects of both API groups, read into one shape. */
import { at, isObject, isPort, type Json, listAt, Malformed, textAt, textMapAt } from "./kube-json.ts";

export interface PoolPicker {
  readonly name: string;
  readonly kind: string;
  readonly port?: number;
  readonly failureMode: string;
}

export interface InferencePool {
  readonly namespace: string;
  readonly name: string;
  readonly group: string;
  /** As the API takes it for a list of pods. */
  readonly selector: string;
  readonly ports: readonly number[];
  /** How the pods want to be spoken to: `http` or `kubernetes.io/h2c`. */
  readonly appProtocol: string;
  /** Whom the gateway asks for this pool; absent in a pool that names nobody. */
  readonly picker?: PoolPicker;
}

/** Groups in the order of preference, with the version that each serves. */
export const poolGroups = {
  "inference.networking.k8s.io": "v1",
  "inference.networking.x-k8s.io": "v1alpha2",
} as const;

const MOST_PORTS = 8;

/** The shape tells itself: `targetPorts` or `targetPortNumber`, `matchLabels` or a plain map. */
export function readPool(object: Json, group: string): InferencePool | Malformed {
  const ports = readPorts(object);
  if (ports === undefined) return new Malformed(`has no 1 to ${MOST_PORTS} target ports from 1 to 65535`);
  const isNested = isObject(at(object, "spec", "selector", "matchLabels"));
  const labels = textMapAt(object, "spec", "selector", ...(isNested ? ["matchLabels"] : []));
  const selector = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  // It would take every pod of the namespace, the picker's own among them.
  if (selector.length === 0) return new Malformed("has a selector without labels");
  const picker = readPicker(object);
  return {
    namespace: textAt(object, "metadata", "namespace") ?? "",
    name: textAt(object, "metadata", "name") ?? "",
    group,
    selector: selector.sort().join(","),
    ports,
    appProtocol: textAt(object, "spec", "appProtocol") ?? "http",
    ...(picker !== undefined && { picker }),
  };
}

function readPorts(object: Json): number[] | undefined {
  const old = at(object, "spec", "targetPortNumber");
  const numbers = old === undefined ? listAt(object, "spec", "targetPorts").map((entry) => at(entry, "number")) : [old];
  const ports = [...new Set(numbers.filter(isPort))];
  return ports.length === numbers.length && ports.length > 0 && ports.length <= MOST_PORTS ? ports : undefined;
}

function readPicker(object: Json): PoolPicker | undefined {
  const reference = at(object, "spec", "endpointPickerRef") ?? at(object, "spec", "extensionRef");
  const name = textAt(reference, "name");
  if (name === undefined) return undefined;
  const port = at(reference, "port", "number") ?? at(reference, "portNumber");
  return {
    name,
    kind: textAt(reference, "kind") ?? "Service",
    ...(isPort(port) && { port }),
    failureMode: textAt(reference, "failureMode") ?? "FailClose",
  };
}

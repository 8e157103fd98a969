/** Pods as AIBrix labels them: the model's name makes the pool, the port stands beside it. */
import type { PodSpec } from "../../pods/pod-table.ts";
import { type Json, Malformed, portOf } from "./kube-json.ts";
import { endpointsOf, readPod, type ServingPod } from "./pod-object.ts";

/** What a pod of AIBrix has; also the selector that finds them all. */
export const modelLabel = "model.aibrix.ai/name";
const portLabel = "model.aibrix.ai/port";
const DEFAULT_PORT = 8_000;

export interface AibrixPod extends ServingPod {
  readonly port: number;
  readonly pool: string;
}

export function readAibrixPod(object: Json): AibrixPod | Malformed | undefined {
  const pod = readPod(object);
  if (pod === undefined || pod instanceof Malformed) return pod;
  const pool = pod.labels[modelLabel];
  if (!pool) return new Malformed(`has an empty label ${modelLabel}`);
  const text = pod.labels[portLabel];
  const port = text === undefined ? DEFAULT_PORT : portOf(text);
  if (port === undefined) return new Malformed(`has a label ${portLabel} that is no port: ${JSON.stringify(text)}`);
  return { ...pod, port, pool };
}

export function aibrixEndpoints(pods: Iterable<AibrixPod>): PodSpec[] {
  return [...pods].flatMap((pod) => endpointsOf(pod, [pod.port]).map((spec) => ({ ...spec, pool: pod.pool })));
}

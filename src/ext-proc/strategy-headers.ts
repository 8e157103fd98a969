/** What is told of a strategy: to the pod in the request's headers, to the client in those of the answer, as AIBrix does. */
import type { Pod } from "../pods/pod-table.ts";
import type { Picked } from "../routing/decision.ts";

export type HeaderPair = readonly [name: string, value: string];

/** AIBrix's cluster follows it; in answers it is the pod's name. */
const TARGET_HEADER = "target-pod";

/** None for a pick by the profile of the pool. */
export function pickHeaders({ strategy, pod }: Picked, header: string): readonly HeaderPair[] {
  if (strategy === undefined) return [];
  const target: HeaderPair = [TARGET_HEADER, pod.address];
  return header === "" ? [target] : [[header, strategy], target];
}

export interface AnsweredStrategy {
  /** undefined where none was named. */
  readonly strategy: string | undefined;
  /** The pod that serves the request. */
  readonly pod: Pod | undefined;
  /** "" where it was not seen. */
  readonly requestId: string;
}

export function answerHeaders({ strategy, pod, requestId }: AnsweredStrategy, header: string): readonly HeaderPair[] {
  const told: HeaderPair[] = requestId === "" ? [] : [["request-id", requestId]];
  if (strategy === undefined || pod === undefined) return told;
  told.push([TARGET_HEADER, pod.name], ["target-pod-ip", pod.address]);
  return header === "" ? told : [...told, [header, strategy]];
}

/** What is told of a strategy: to the pod in the request's headers, to the client in those of the answer, as AIBrix does. */
import type { Pod } from "../pods/pod-table.ts";
import type { Picked } from "../routing/decision.ts";

export type HeaderPair = readonly [name: string, value: string];

/** AIBrix's cluster follows it; in answers it is the pod's name. */
const TARGET_HEADER = "target-pod";

/**
 * `header` is undefined where requests name no strategies. Where they may, the pod is named whatever was: AIBrix's route
 * goes by the mere presence of the header, so that one with nothing in it is led by `target-pod` too.
 */
export function pickHeaders({ strategy, pod }: Picked, header: string | undefined): readonly HeaderPair[] {
  if (header === undefined) return [];
  const target: HeaderPair = [TARGET_HEADER, pod.address];
  return header === "" || strategy === undefined ? [target] : [[header, strategy], target];
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

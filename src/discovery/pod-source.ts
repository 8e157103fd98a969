/** What a source of pods is: it says which pods exist and whether it still knows, and nothing about how they are. */
import type { PodSpec } from "../pods/pod-table.ts";

/** What a source tells; every call is cheap, and repeating one is no harm. */
export interface SourceEvents {
  /** The whole set, at first and after every change. */
  publish(pods: readonly PodSpec[]): void;
  /** Looked again and found nothing changed: what was published is still true. */
  confirm(): void;
  /** Cannot tell at present; the published set stays. Told at every failing try, the listener says it once. */
  fail(problem: string): void;
}

export interface PodSource {
  /** Kind and place for the log, such as "file /etc/pods.yaml". */
  readonly name: string;
  /** Can the set grow old? Such a source publishes or confirms at least every 20 seconds while all is well. */
  readonly perishable: boolean;
  /** Resolves after the first publish or failure, never rejects, and goes on until `stop`. */
  start(events: SourceEvents): Promise<void>;
  /** Afterwards nothing is told any more. */
  stop(): void;
}

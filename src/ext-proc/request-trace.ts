/** What tells a tracing system of picks: the part of it that streams see. Absent where nobody traces. */
import type { Refusal } from "../routing/choose-pool.ts";
import type { Picked } from "../routing/decision.ts";
import type { PickPhases } from "./pick-phases.ts";
import type { EndCause } from "./stream-host.ts";
import type { TraceParent } from "./trace-parent.ts";

export interface PickTracer {
  /** A request's headers have come; undefined where it is not sampled, so that nothing of it is kept. */
  begin(parent: TraceParent | undefined, startedAtMs: number): PickTrace | undefined;
}

/** What is told of the request beside the decision. */
export interface TracedRequest {
  /** Is it only watched? */
  readonly shadow: boolean;
  readonly requestId: string;
}

/** One sampled request; what it is told first counts, and is the end of it. */
export interface PickTrace {
  /** The marks, which hold until the next pick, are absent where others may have been made since. */
  picked(decision: Picked, atMs: number, request: TracedRequest, phases?: PickPhases): void;
  refused(refusal: Refusal, atMs: number): void;
  /** Answered without routing, such as a list of models. */
  answered(atMs: number): void;
  /** The stream is over before an answer. */
  ended(cause: EndCause, atMs: number): void;
}

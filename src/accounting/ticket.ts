/** A pick that counts on its pod until its request is over. */
import type { Slot } from "../pods/pod-table.ts";
import type { Pin } from "../prefix/prefix-index.ts";

/**
 * How far a ticket is:
 * - streaming: its stream is open, its end will be seen
 * - estimated: its stream is over, its request probably not
 * - over: counts no longer
 */
export type TicketStage = "streaming" | "estimated" | "over";

/** Slot and generation name the pod it counts on. Only accounting writes to a ticket. */
export interface Ticket {
  slot: Slot;
  generation: number;
  readonly openedAtMs: number;
  /** Prompt tokens that the pod has still to read, by estimate; whole. */
  pendingTokens: number;
  /** Holds the request's blocks in the prefix index; undefined where there are none, or none any more. */
  pin: Pin | undefined;
  stage: TicketStage;
}

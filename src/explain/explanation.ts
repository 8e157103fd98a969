/** What an explanation says of one decision: who was there, what each was given, and why the one that won did. */
import type { PickReason } from "../routing/decision.ts";

export interface ExplainedCandidate {
  readonly pod: string;
  readonly address: string;
  /** The weighted sum of its scores; for a pick by our own counts 0. */
  readonly total: number;
  readonly isPicked: boolean;
  /** As it stood at the pick: did it answer when its metrics were last asked for? */
  readonly reachable: boolean;
  /** Requests to it failed. */
  readonly setAside: boolean;
  /** It did not take its full share yet. */
  readonly newcomer: boolean;
  /** 1 is the best; equals share a place. */
  readonly place: number;
  /** In the order of `scorers`, before the weight; null where the scorer had no say or failed. */
  readonly scores: readonly (number | null)[];
  /** What scorers read of it, by the column's name; null is unknown. */
  readonly signals: Readonly<Record<string, number | null>>;
  /** Age of its last page when the pick was made; null where it never told. */
  readonly ageMs: number | null;
}

export interface AbsentPod {
  readonly pod: string;
  readonly why: string;
}

export type ExplainedOutcome =
  | { readonly kind: "picked"; readonly pod: string; readonly address: string; readonly score: number }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export interface Explanation {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly pool: string;
  /** As the client wrote it; "" when it could not be read. */
  readonly model: string;
  readonly strategy?: string;
  /** One of the pick reasons; a refusal has its code here. */
  readonly reason: PickReason | (string & {});
  /** What the lot was drawn with. */
  readonly seed: number;
  readonly priority?: number;
  /** The time the pick took. */
  readonly milliseconds: number;
  /** Was it made in observability mode, where another pod served? */
  readonly shadow: boolean;
  readonly outcome: ExplainedOutcome;
  /** In plain words: why it won, or why nobody could. */
  readonly sentence: string;
  readonly scorers: readonly { readonly name: string; readonly weight: number }[];
  readonly candidates: readonly ExplainedCandidate[];
  /** Pods of the pool that were no candidates. */
  readonly absent: readonly AbsentPod[];
}

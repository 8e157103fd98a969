/** What routing answers: every request ends in a Decision, none in an exception. */
import type { Pod } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";
import type { Refusal } from "./choose-pool.ts";

/** Why a pod was picked the way it was: the label of the picks metric and a field of the decision log. */
export const pickReasons = {
  scored: "all scorers, with the model and the prompt known",
  no_prompt: "scorers without a prompt: the body is absent, of another kind of request, or holds no prompt",
  body_unseen: "scorers without a prompt: the filter's mode needs the answer before the body can be seen",
  body_unread: "scorers without a prompt: the body is in a coding or form that could not be read; counted by reason",
  body_cut: "scorers with the part of the body seen so far: Envoy cut it, or the answer was due",
  unknown_load: "least requests in flight: of no candidate is any reading known",
  buffer_full: "least requests in flight: the limit on buffered bytes is reached, the body was not kept",
  fault: "least requests in flight: a fault inside pointsman, see its log",
} as const;

export type PickReason = keyof typeof pickReasons;

export type Picked = Extract<Decision, { kind: "picked" }>;

export type Decision =
  | {
      readonly kind: "picked";
      readonly pod: Pod;
      readonly pool: Pool;
      readonly reason: PickReason;
      /** Weighted sum of the winner's scores; 0 for a pick by in-flight. */
      readonly score: number;
      /** As the client wrote it; "" when it could not be read. */
      readonly model: string;
      /** What the lot was drawn with: the same request, state and seed give the same pick. */
      readonly seed: number;
      /** Share of the prompt that the pod was believed to hold; NaN where no scorer asks for it. */
      readonly predictedHit: number;
      /** Prompt tokens that the pod has to read, by estimate; all of the prompt where no scorer asks for cached ones. */
      readonly uncachedTokens: number;
    }
  | Refusal;

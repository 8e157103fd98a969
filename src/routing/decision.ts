/** What routing answers: every request ends in a Decision, none in an exception. */
import type { Pod } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";
import type { Splice } from "../request/model-place.ts";
import type { Refusal } from "./choose-pool.ts";

/** Why a pod was picked the way it was: the label of the picks metric and a field of the decision log. */
export const pickReasons = {
  scored: "all scorers, with the model and the prompt known",
  no_prompt: "scorers without a prompt: the body is absent, of another kind of request, or holds no prompt",
  body_unseen: "scorers without a prompt: the filter's mode needs the answer before the body can be seen",
  body_unread:
    "scorers without a prompt: the body is in a coding or form that could not be read, or holds more structure than is read; counted by reason",
  body_cut: "scorers with the part of the body seen so far: Envoy cut it, or the answer was due",
  unknown_load: "no candidate tells anything: requests in flight in place of the scorers that read what pods tell",
  buffer_full: "least requests in flight: the limit on buffered bytes is reached, the body was not kept",
  fault: "least requests in flight: a fault inside pointsman, see its log",
} as const;

export type PickReason = keyof typeof pickReasons;

/** What became of a request whose model was to get another name: the label of a metric. */
export const rewriteOutcomes = {
  written: "the body names the target now",
  routed: "routed by the target; the body names no model, and needs none",
  same: "the target drawn is the name it had",
  unseen: "kept its name: the body was not seen before the pick",
  unread: "kept its name: the body could not be read, or not all of the name",
  compressed: "kept its name: a compressed body stays as it is",
} as const;

export type RewriteOutcome = keyof typeof rewriteOutcomes;

/** The model of a request got another name, or was to. */
export interface ModelRewrite {
  /** Its name at the pods. */
  readonly target: string;
  /** Whose rule it was: an object's namespace and name, "config", or "header". */
  readonly by: string;
  readonly outcome: RewriteOutcome;
  /** What changes in the body; nothing where it stays as it is. */
  readonly splice?: Splice | undefined;
}

export type Picked = Extract<Decision, { kind: "picked" }>;

export type Decision =
  | {
      readonly kind: "picked";
      readonly pod: Pod;
      /** The pods to try after it, in this order; absent where one is all that is named. */
      readonly fallbacks?: readonly Pod[];
      readonly pool: Pool;
      readonly reason: PickReason;
      /** The strategy it was made by, as the request or the configuration names it; absent for the pool's profile. */
      readonly strategy?: string;
      /** Weighted sum of the winner's scores; 0 for a pick by in-flight. */
      readonly score: number;
      /** As the client wrote it; "" when it could not be read. */
      readonly model: string;
      /** Of the objective that the request names; absent where it names none, which is 0. */
      readonly priority?: number;
      /** Present where a rule or a header gave its model a name. */
      readonly rewrite?: ModelRewrite;
      /** What the lot was drawn with: the same request, state and seed give the same pick. */
      readonly seed: number;
      /** Share of the prompt that the pod was believed to hold; NaN where no scorer asks for it. */
      readonly predictedHit: number;
      /** Prompt tokens that the pod has to read, by estimate; all of the prompt where no scorer asks for cached ones. */
      readonly uncachedTokens: number;
    }
  | Refusal;

/** One request as a profile decided on it in a replay, with why. */
import { DecisionRing } from "../explain/decision-ring.ts";
import { readDecision } from "../explain/read-decision.ts";
import type { PodTable } from "../pods/pod-table.ts";
import type { Decision } from "../routing/decision.ts";
import type { Trail } from "../routing/router.ts";

export interface ReplayedPick {
  /** What the request is called in its log, or its number in the trace. */
  readonly label: string;
  readonly promptTokens: number;
  /** "" where it was refused. */
  readonly pod: string;
  /** Share of the prompt that the pod was believed to hold; NaN is unknown. */
  readonly hit: number;
  readonly why: string;
}

/** Says why, at once: the numbers are those of the moment. */
export class PickReader {
  readonly #ring: DecisionRing;

  constructor(table: PodTable) {
    this.#ring = new DecisionRing(table, 1);
  }

  read(label: string, promptTokens: number, decision: Decision, trail: Trail): ReplayedPick {
    const entry = this.#ring.entry(this.#ring.add(decision, trail, 0, Number.NaN));
    const told = entry && readDecision(this.#ring, entry, label);
    const why = told?.sentence ?? "";
    if (decision.kind === "refused") return { label, promptTokens, pod: "", hit: Number.NaN, why };
    const winner = told?.candidates.find(({ isPicked }) => isPicked);
    const hit = winner?.signals["prefixHit"] ?? Number.NaN;
    return { label, promptTokens, pod: decision.pod.name, hit, why };
  }
}

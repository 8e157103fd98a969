/** What a would-be pick in observability mode comes to: the label of a metric, and what it means. */
export const shadowOutcomes = {
  same: "the pod that served is the one we would have picked",
  other: "another pod of ours served",
  foreign: "what served is no pod we know",
  unseen: "we were not told who served, or no pod did",
  refused: "we would have refused the request",
} as const;

export type ShadowOutcome = keyof typeof shadowOutcomes;

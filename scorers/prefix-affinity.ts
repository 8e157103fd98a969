/** Keeps prompts on the pods that hold most of them, until those are so busy that reading it anew elsewhere is sooner done. */
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "prefix-affinity",
  summary:
    "A large part of the prompt is cached: 1, else 0; all 1 where no pod has that much, or those that do have too long a wait.",
  leaning: "affinity",
  reads: ["prefixHit", "pendingTokens"],
  options: {
    threshold: { default: 0.8, min: 0, max: 1, help: "the share of the prompt that is a large part" },
    penaltyMs: {
      default: 18_000,
      min: 0,
      help: "the longest time such a pod may take to begin beyond another; 0: any",
    },
    tokensPerSecond: { default: 15_928, min: 1, help: "prompt tokens that a pod reads in a second" },
  },
  build:
    ({ threshold, penaltyMs, tokensPerSecond }) =>
    (pods, scores) => {
      let isUnknown = true;
      let soonestSticky = Number.POSITIVE_INFINITY;
      let soonestOther = Number.POSITIVE_INFINITY;
      for (let row = 0; row < pods.size; row++) {
        const hit = pods.prefixHit[row] ?? Number.NaN;
        const isSticky = hit >= threshold;
        if (hit >= 0) isUnknown = false;
        const waitMs = ((pods.pendingTokens[row] ?? 0) / tokensPerSecond) * 1000;
        if (isSticky) soonestSticky = Math.min(soonestSticky, waitMs);
        else soonestOther = Math.min(soonestOther, waitMs);
        scores[row] = isSticky ? 1 : 0;
      }
      const isNobody = soonestSticky === Number.POSITIVE_INFINITY;
      if (isUnknown) scores.fill(0.5, 0, pods.size);
      else if (isNobody || (penaltyMs > 0 && soonestSticky - soonestOther > penaltyMs)) scores.fill(1, 0, pods.size);
    },
});

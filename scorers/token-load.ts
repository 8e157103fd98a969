/** Prefers pods that have little prompt left to read, this request's own share included. */
import { fillUnknown } from "../src/routing/normalise.ts";
import { defineScorer, promptTokensOf } from "../src/scorer.ts";

export default defineScorer({
  name: "token-load",
  summary: "Fewest uncached prompt tokens on their way, with this request's own; 1 - min(tokens, T) / T.",
  leaning: "spread",
  reads: ["pendingTokens", "prefixHit"],
  options: {
    thresholdTokens: { default: 4_194_304, min: 1, help: "T: a pod with so many tokens to read scores 0" },
  },
  build:
    ({ thresholdTokens }) =>
    (pods, scores, request) => {
      const promptTokens = promptTokensOf(request);
      for (let row = 0; row < pods.size; row++) {
        const uncached = promptTokens * (1 - (pods.prefixHit[row] ?? Number.NaN));
        const tokens = (pods.pendingTokens[row] ?? Number.NaN) + uncached;
        scores[row] = 1 - Math.min(Math.max(tokens, 0), thresholdTokens) / thresholdTokens;
      }
      fillUnknown(pods.size, scores);
    },
});

/** Prefers pods that probably hold the head of the prompt in their prefix cache. */
import { fillUnknown } from "../src/routing/normalise.ts";
import { defineScorer, promptTokensOf } from "../src/scorer.ts";

export default defineScorer({
  name: "prefix-cache",
  summary: "Longest part of the prompt already cached; matched bytes / prompt bytes.",
  leaning: "affinity",
  reads: ["prefixHit"],
  options: {
    matchLengthWeight: { default: 0, min: 0, max: 1, help: "how much the length of the match counts beside its share" },
    matchLengthScaleTokens: { default: 8192, min: 1, help: "a match of so many tokens is as long as can be" },
  },
  build:
    ({ matchLengthWeight, matchLengthScaleTokens }) =>
    (pods, scores, request) => {
      const scale = promptTokensOf(request) / matchLengthScaleTokens;
      for (let row = 0; row < pods.size; row++) {
        const hit = pods.prefixHit[row] ?? Number.NaN;
        const length = Math.min(1, hit * scale);
        scores[row] = matchLengthWeight * length * length + (1 - matchLengthWeight) * hit;
      }
      fillUnknown(pods.size, scores);
    },
});

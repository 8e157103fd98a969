/** Prefers pods with few requests in flight by the picker's own count, which no scrape delays. */
import { fillUnknown, highest } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "in-flight",
  summary: "Fewest picks not yet finished; 1 for an idle pod, else (max - picks) / max over the candidates.",
  leaning: "spread",
  reads: ["inFlight"],
  options: {
    idleThreshold: { default: 0, min: 0, integer: true, help: "a pod with at most so many picks counts as idle" },
    maxBusyScore: { default: 1, min: 0, max: 1, help: "the best score of a pod that is not idle" },
  },
  build:
    ({ idleThreshold, maxBusyScore }) =>
    (pods, scores) => {
      const max = highest(pods.inFlight, pods.size);
      for (let row = 0; row < pods.size; row++) {
        const picks = pods.inFlight[row] ?? Number.NaN;
        scores[row] = picks <= idleThreshold ? 1 : ((max - picks) / max) * maxBusyScore;
      }
      fillUnknown(pods.size, scores);
    },
});

/** Prefers pods with an empty queue, and below that ones whose queue is far from a threshold. */
import { fillUnknown } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "load-aware",
  summary:
    "Half a point less the queue's share of a threshold; 0.5 * (1 - min(waiting, T) / T), whoever the others are.",
  leaning: "spread",
  reads: ["waiting"],
  options: {
    threshold: { default: 128, min: 1, help: "T: a pod with so many requests in its queue scores 0" },
  },
  build:
    ({ threshold }) =>
    (pods, scores) => {
      for (let row = 0; row < pods.size; row++) {
        const waiting = pods.waiting[row] ?? Number.NaN;
        scores[row] = 0.5 * (1 - Math.min(Math.max(waiting, 0), threshold) / threshold);
      }
      fillUnknown(pods.size, scores);
    },
});

/** Prefers pods with few requests waiting in their own queue. */
import { lowerIsBetter } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "queue-depth",
  summary: "Fewest requests waiting in the pod's queue; (max - waiting) / (max - min) over the candidates.",
  leaning: "spread",
  reads: ["waiting"],
  options: {},
  build: () => (pods, scores) => lowerIsBetter(pods.waiting, pods.size, scores),
});

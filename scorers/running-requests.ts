/** Prefers pods whose running batch is small. */
import { lowerIsBetter } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "running-requests",
  summary: "Fewest requests in the pod's running batch; (max - running) / (max - min) over the candidates.",
  leaning: "spread",
  reads: ["running"],
  options: {},
  build: () => (pods, scores) => lowerIsBetter(pods.running, pods.size, scores),
});

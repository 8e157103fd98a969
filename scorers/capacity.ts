/** Prefers pods that can carry more, in a pool of unequal ones. */
import { higherIsBetter } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "capacity",
  summary: "Largest pod; its capacity / the largest among the candidates.",
  leaning: "spread",
  reads: ["capacity"],
  options: {
    label: { default: "", help: "the pods' label that holds their capacity as a number; without one their KV blocks" },
  },
  build: () => (pods, scores) => higherIsBetter(pods.capacity, pods.size, scores),
});

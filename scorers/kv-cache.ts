/** Prefers pods whose running requests hold little of the KV cache. */
import { complement } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "kv-cache",
  summary: "Most free KV cache; 1 - the share of blocks held by running requests.",
  leaning: "spread",
  reads: ["kvUsage"],
  options: {},
  build: () => (pods, scores) => complement(pods.kvUsage, pods.size, scores),
});

/** Prefers pods that probably hold the head of the prompt in their prefix cache. */
import { share } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "prefix-cache",
  summary: "Longest part of the prompt already cached; matched bytes / prompt bytes.",
  leaning: "affinity",
  reads: ["prefixHit"],
  options: {},
  build: () => (pods, scores) => share(pods.prefixHit, pods.size, scores),
});

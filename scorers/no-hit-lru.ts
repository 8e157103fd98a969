/** Spreads prompts that nobody has cached: the pod whose last such prompt is longest ago comes first. */
import { fillUnknown, highest } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "no-hit-lru",
  summary: "For a prompt nobody has cached 1 - turn / (candidates - 1), the pod unused for longest first; else 0.5.",
  leaning: "spread",
  reads: ["prefixHit", "coldRank"],
  options: {},
  build: () => (pods, scores) => {
    if (highest(pods.prefixHit, pods.size) > 0) {
      scores.fill(0.5, 0, pods.size);
      return;
    }
    const last = Math.max(1, pods.size - 1);
    for (let row = 0; row < pods.size; row++) {
      const score = 1 - (pods.coldRank[row] ?? Number.NaN) / last;
      scores[row] = Math.min(1, Math.max(0, score));
    }
    fillUnknown(pods.size, scores);
  },
});

/** Prefers pods whose answers have begun soon and flowed fast lately. */
import { bothLower } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "latency",
  summary: "Shortest times to the first and per further token seen lately, each (max - time) / (max - min).",
  leaning: "spread",
  reads: ["ttft", "tpot"],
  options: {
    ttftWeight: { default: 0.8, min: 0, help: "how much the time to the first token counts" },
    tpotWeight: { default: 0.2, min: 0, help: "how much the time per further token counts" },
  },
  build: ({ ttftWeight, tpotWeight }) => {
    const sum = ttftWeight + tpotWeight;
    const weight = sum > 0 ? ttftWeight / sum : 0.5;
    return (pods, scores) => bothLower(pods.ttft, pods.tpot, weight, pods.size, scores);
  },
});

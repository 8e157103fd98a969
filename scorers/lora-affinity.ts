/** Prefers pods that have the request's LoRA adapter loaded, or room to load it. */
import { fillUnknown } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

/** By adapterState: none, waits for room, has room, loaded. */
const grades = [0, 0.6, 0.8, 1];

export default defineScorer({
  name: "lora-affinity",
  summary: "The adapter is loaded: 1; there is room for it: 0.8; it waits for room: 0.6; else 0.",
  leaning: "affinity",
  reads: ["adapterState"],
  options: {},
  build: () => (pods, scores) => {
    for (let row = 0; row < pods.size; row++) {
      const state = pods.adapterState[row] ?? Number.NaN;
      scores[row] = Number.isNaN(state) ? state : (grades[Math.min(Math.max(Math.trunc(state), 0), 3)] ?? 0);
    }
    fillUnknown(pods.size, scores);
  },
});

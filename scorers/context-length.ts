/** Prefers pods that are meant for prompts as long as the request's. */
import { share } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "context-length",
  summary:
    "How well the prompt's length suits the range in a pod's label: above 0.3 within it, more for a narrow range; 0.5 without one.",
  leaning: "affinity",
  reads: ["lengthFit"],
  options: {
    label: { default: "llm-d.ai/context-length-range", help: "the pods' label that holds a range of tokens, min-max" },
  },
  build: () => (pods, scores) => share(pods.lengthFit, pods.size, scores),
});

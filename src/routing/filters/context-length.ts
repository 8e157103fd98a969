/** Keeps pods that are meant for prompts as long as the request's. */
import { promptTokensOf } from "../../scorer.ts";
import { ContextLabel } from "../context-range.ts";
import { defineFilter } from "../filter.ts";

export default defineFilter({
  name: "context-length",
  summary: "Pods whose label has a range of tokens with the prompt's length in it, and pods without the label.",
  ground: "facts",
  options: {
    label: { default: "llm-d.ai/context-length-range", help: "the pods' label that holds a range of tokens, min-max" },
    fallbackOnEmpty: { default: false, help: "all pods stay where none is meant for such a prompt" },
  },
  whenNoneIsLeft: ({ fallbackOnEmpty }) => (fallbackOnEmpty ? "all stay" : "no_pod_left"),
  build: ({ label }) => {
    const ranges = new ContextLabel(label);
    return (request) => {
      // Nothing is known of how long the prompt is.
      if (request.promptBytes === 0) return undefined;
      const tokens = Math.floor(promptTokensOf(request));
      return (pod) => ranges.allows(pod, tokens);
    };
  },
});

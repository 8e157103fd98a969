/** Prefers pods that carry in a label what the request says in a header. */
import { share } from "../src/routing/normalise.ts";
import { defineScorer } from "../src/scorer.ts";

export default defineScorer({
  name: "header-label",
  summary: "The pod's label has the value of the request's header: 1; the others, and all without the header: 0.",
  leaning: "affinity",
  reads: ["headerMatch"],
  options: {
    header: {
      default: "",
      pattern: /^[\w!#$%&'*+.^`|~-]*$/,
      expects: "a header's name",
      help: "the header of the request",
    },
    label: { default: "", help: "the label of the pods" },
  },
  build: () => (pods, scores) => share(pods.headerMatch, pods.size, scores),
});

/** Keeps pods that serve the request's model, as far as they tell. */
import { defineFilter } from "../filter.ts";

export default defineFilter({
  name: "model",
  summary:
    "Pods that list the request's model or do not tell; every pool does so already, unless it passes unknown models on.",
  ground: "facts",
  options: { fallbackOnEmpty: { default: false, help: "all pods stay where none serves the model" } },
  whenNoneIsLeft: ({ fallbackOnEmpty }) => (fallbackOnEmpty ? "all stay" : "model_not_found"),
  build:
    (_options, { models }) =>
    ({ model }) => {
      if (model === "") return undefined;
      return (pod) => {
        const list = models.of(pod);
        return list?.kind !== "listed" || list.entries.some(({ id }) => id === model);
      };
    },
});

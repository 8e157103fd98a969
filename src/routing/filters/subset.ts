/** Keeps the pods that Envoy's subset hint allows. */
import { defineFilter } from "../filter.ts";
import { isListed } from "./address-list.ts";

export default defineFilter({
  name: "subset",
  summary: "Pods in the gateway's subset hint, all without one; every pool does so already.",
  ground: "facts",
  options: {},
  whenNoneIsLeft: () => "subset_empty",
  build:
    () =>
    (_request, { subset }) =>
      subset && isListed(subset),
});

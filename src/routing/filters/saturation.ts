/** Keeps pods that have room for another request. */
import { defineFilter } from "../filter.ts";

export default defineFilter({
  name: "saturation",
  summary: "Pods below a limit of waiting requests and of KV cache in use; an unknown reading is below.",
  ground: "load",
  options: {
    waitingLimit: { default: 5, min: 0, help: "a pod with so many requests in its queue is saturated" },
    kvLimit: { default: 0.8, min: 0, max: 1, help: "a pod with this share of its KV cache in use is saturated" },
    fallbackOnEmpty: { default: true, help: "all pods stay where all are saturated; else the request is refused" },
  },
  whenNoneIsLeft: ({ fallbackOnEmpty }) => (fallbackOnEmpty ? "all stay" : "saturated"),
  build: ({ waitingLimit, kvLimit }, { columns }) => {
    const isAtLimit = (value: number | undefined, limit: number) => value !== undefined && value >= limit;
    const keep = ({ slot }: { slot: number }) =>
      !isAtLimit(columns.waiting[slot], waitingLimit) && !isAtLimit(columns.kvUsage[slot], kvLimit);
    return () => keep;
  },
});

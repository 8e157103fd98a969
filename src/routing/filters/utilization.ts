/** Keeps pods that are within every limit that is set, each on a reading of its own. */
import type { PodColumn } from "../../pods/columns.ts";
import { defineFilter } from "../filter.ts";

const NO_LIMIT = -1;
const limit = (help: string) => ({ default: NO_LIMIT, min: NO_LIMIT, help: `${help}; -1 is no limit` });

export default defineFilter({
  name: "utilization",
  summary: "Pods at or below every limit that is set; an unknown reading is below.",
  ground: "load",
  options: {
    inFlightLimit: limit("picks not yet finished"),
    tokensLimit: limit("uncached prompt tokens of our picks that the pod has still to read"),
    runningLimit: limit("requests in the running batch"),
    waitingLimit: limit("requests in the queue"),
    kvLimit: limit("share of the KV cache in use, 0..1"),
    fallbackOnEmpty: {
      default: false,
      help: "all pods stay where none is within the limits; else the request is refused",
    },
  },
  whenNoneIsLeft: ({ fallbackOnEmpty }) => (fallbackOnEmpty ? "all stay" : "saturated"),
  build: ({ inFlightLimit, tokensLimit, runningLimit, waitingLimit, kvLimit }, { columns }) => {
    const limits: readonly (readonly [PodColumn, number])[] = [
      ["inFlight", inFlightLimit],
      ["pendingTokens", tokensLimit],
      ["running", runningLimit],
      ["waiting", waitingLimit],
      ["kvUsage", kvLimit],
    ];
    const set = limits.filter(([, most]) => most !== NO_LIMIT);
    // Columns are replaced as the table grows: looked up each time.
    const keep = ({ slot }: { slot: number }) => !set.some(([name, most]) => (columns[name][slot] ?? 0) > most);
    return () => (set.length === 0 ? undefined : keep);
  },
});

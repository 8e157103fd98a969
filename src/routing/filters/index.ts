/** The filters that come with pointsman, in the order they are documented. */
import type { Filter } from "../filter.ts";
import contextLength from "./context-length.ts";
import label from "./label.ts";
import model from "./model.ts";
import saturation from "./saturation.ts";
import subset from "./subset.ts";
import testing from "./testing.ts";
import utilization from "./utilization.ts";

export const builtInFilters: readonly Filter[] = [
  label,
  model,
  saturation,
  utilization,
  contextLength,
  subset,
  testing,
];

/** The pickers of the Go picker. */
import { count } from "./parameters.ts";
import { type ForeignPlugin, plugin } from "./plugin.ts";
import { pickerUse } from "./use.ts";

const endpoints = { maxNumOfEndpoints: count(1) } as const;

const picker = (type: string, ours: string, remark?: string) =>
  plugin({
    type,
    role: "picker",
    fate: "same",
    ours,
    ...(remark !== undefined && { remark }),
    parameters: endpoints,
    make: ({ maxNumOfEndpoints = 1 }, { complain }) => {
      if (maxNumOfEndpoints > MOST_ENDPOINTS)
        complain(`maxNumOfEndpoints 1..${MOST_ENDPOINTS}`, String(maxNumOfEndpoints));
      return { picker: pickerUse(ours, { endpoints: maxNumOfEndpoints }) };
    },
  });
/** As the option `endpoints` of our pickers has it. */
const MOST_ENDPOINTS = 16;

export const pickerPlugins: readonly ForeignPlugin[] = [
  picker("max-score-picker", "best"),
  picker("random-picker", "random", "of several pods the further ones are the best of the rest"),
  picker("weighted-random-picker", "weighted-random", "of several pods the further ones are the best of the rest"),
];

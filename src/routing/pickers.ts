/** The pickers: how one pod is chosen from the weighted sums of the scores. */
import type { OptionSpecs, Options } from "../scorer.ts";
import { type OptionValues, withDefaults } from "./option-values.ts";
import { pickAny, pickBest, pickOfTop, pickOfTwo, pickWeighted } from "./pick.ts";

/** The row that is picked, of rows 0..size-1 with size >= 1. */
export type Pick = (scores: Float64Array, size: number, random: () => number) => number;

export interface Picker<O extends OptionSpecs = OptionSpecs> {
  /** Kebab-case, the config key. */
  readonly name: string;
  /** One line for --help and the docs. */
  readonly summary: string;
  readonly options: O;
  build(options: Options<O>): Pick;
}

/** The option that all pickers have: of the pods not picked the next best follow, whatever the picker. */
const endpoints = {
  default: 1,
  min: 1,
  max: 16,
  integer: true,
  help: "how many pods are named: the picked one, then the next best, for a data plane that goes on to them",
};

/** Keeps the option's value types. */
function picker<const O extends OptionSpecs>(declared: Picker<O>): Picker<O> {
  return { ...declared, options: { ...declared.options, endpoints } };
}

/** How many pods a picker with these options names. */
export function endpointsOf({ options }: Picker, given?: OptionValues): number {
  return Number(withDefaults(options, given)["endpoints"] ?? endpoints.default);
}

/** The default. */
export const bestPicker = picker({
  name: "best",
  summary: "The pod with the highest sum; equals are drawn by lot.",
  options: {},
  build: () => pickBest,
});

const topK = picker({
  name: "top-k",
  summary: "Any of the k best pods with the same probability.",
  options: { k: { default: 3, min: 1, integer: true, help: "how many pods share the picks" } },
  build:
    ({ k }) =>
    (scores, size, random) =>
      pickOfTop(scores, size, k, random),
});

export const builtInPickers: readonly Picker[] = [
  bestPicker,
  picker({
    name: "weighted-random",
    summary: "Each pod with a probability in proportion to its sum; none with 0, unless all have 0.",
    options: {},
    build: () => pickWeighted,
  }),
  picker({
    name: "best-of-two",
    summary: "The better one of two pods drawn at random.",
    options: {},
    build: () => pickOfTwo,
  }),
  topK,
  picker({
    name: "random",
    summary: "Any pod with the same probability, whatever the scores.",
    options: {},
    build: () => (_scores, size, random) => pickAny(size, random),
  }),
];

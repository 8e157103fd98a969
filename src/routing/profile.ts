/** How the requests of a pool are routed: which filters, scorers and picker, with their weights and options. */
import type { ColumnName } from "../pods/columns.ts";
import type { OptionSpecs, Options, Scorer } from "../scorer.ts";
import type { FilterUse } from "./filter-chain.ts";
import { type OptionValues, withDefaults } from "./option-values.ts";
import type { Pick, Picker } from "./pickers.ts";
import type { ScorerUse } from "./scoring-plan.ts";

export interface PickerUse {
  readonly picker: Picker;
  readonly options?: OptionValues;
}

export interface Profile {
  /** In the order in which they narrow the candidates. */
  readonly filters: readonly FilterUse[];
  /** Each once. */
  readonly scorers: readonly ScorerUse[];
  readonly picker: PickerUse;
}

export function buildPicker({ picker, options }: PickerUse): Pick {
  return picker.build(withDefaults(picker.options, options));
}

/** The options that the profile uses the scorer with; its defaults where it does not use it. */
export function optionsOf<C extends ColumnName, O extends OptionSpecs>(
  { scorers }: Profile,
  scorer: Scorer<C, O>,
): Options<O> {
  const use = scorers.find((each) => each.scorer.name === scorer.name);
  return withDefaults(scorer.options, use?.options);
}

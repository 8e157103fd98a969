/** Scorers, filters and pickers of ours, by name, with options. */
import { builtInScorers } from "../../../scorers/index.ts";
import type { FilterUse } from "../../routing/filter-chain.ts";
import { builtInFilters } from "../../routing/filters/index.ts";
import type { OptionValues } from "../../routing/option-values.ts";
import { builtInPickers } from "../../routing/pickers.ts";
import type { PickerUse } from "../../routing/profile.ts";
import type { ScorerUse } from "../../routing/scoring-plan.ts";

type GivenOptions = Readonly<Record<string, OptionValues[string] | undefined>>;

export function scorerUse(name: string, options: GivenOptions = {}): Omit<ScorerUse, "weight"> {
  const scorer = builtInScorers.find((each) => each.name === name);
  if (scorer === undefined) throw new Error(`there is no scorer ${name}`);
  return { scorer, options: onlyGiven(options) };
}

export function filterUse(name: string, options: GivenOptions = {}): FilterUse {
  const filter = builtInFilters.find((each) => each.name === name);
  if (filter === undefined) throw new Error(`there is no filter ${name}`);
  return { filter, options: onlyGiven(options) };
}

export function pickerUse(name: string, options: GivenOptions = {}): PickerUse {
  const picker = builtInPickers.find((each) => each.name === name);
  if (picker === undefined) throw new Error(`there is no picker ${name}`);
  return { picker, options: onlyGiven(options) };
}

/** Without those that keep their default. */
function onlyGiven(options: GivenOptions): OptionValues {
  const given = Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  return Object.fromEntries(given);
}

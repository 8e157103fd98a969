/** What is known of a plugin type of the Go picker: what becomes of it here, and how its parameters turn into ours. */

import type { FilterUse } from "../../routing/filter-chain.ts";
import type { PickerUse } from "../../routing/profile.ts";
import type { ScorerUse } from "../../routing/scoring-plan.ts";
import type { GivenScrapeOptions } from "../../scrape/scrape-options.ts";
import type { SourceConfig } from "../pool-config.ts";
import { mappingOf, type ParameterKind, type Parameters, type ParameterValues } from "./parameters.ts";

/** What becomes of a plugin, a flag or a metric, in the words of the compatibility table. */
export const fates = {
  same: "the same formula or effect",
  near: "the same purpose, with a difference that the remark names",
  idle: "accepted; nothing has to be done here",
  refused: "the start is refused and names the nearest of ours",
} as const;
export type Fate = keyof typeof fates;

export type PluginRole =
  | "scorer"
  | "filter"
  | "picker"
  | "profile handler"
  | "decider"
  | "data producer"
  | "request control"
  | "data layer"
  | "parser"
  | "flow control";

/** What an instance of a plugin contributes. */
export interface Contribution {
  readonly scorer?: Omit<ScorerUse, "weight">;
  readonly filter?: FilterUse;
  /** A filter that is a scorer here, whose word is above those of all others: what it scores 1 goes before the rest. */
  readonly decidingScorer?: Omit<ScorerUse, "weight">;
  readonly picker?: PickerUse;
  readonly source?: SourceConfig;
  readonly scrape?: GivenScrapeOptions;
  /** Where the session is named that other plugins know as an attribute. */
  readonly session?: { readonly header?: string; readonly cookie?: string };
  /** Said at the start: what is accepted and has no effect here. */
  readonly notes?: readonly string[];
}

/** The faults of an instance that its parameters show only together. */
export type Complain = (expected: string, got: string) => undefined;

/** What of the other plugins an instance may ask for. */
export interface Surroundings {
  readonly complain: Complain;
  readonly session: Contribution["session"];
}

export interface ForeignPlugin {
  readonly type: string;
  /** Names that older versions have for it. */
  readonly older?: readonly string[];
  readonly role: PluginRole;
  readonly fate: Fate;
  /** What does it here; for a refused one the nearest there is. */
  readonly ours: string;
  readonly remark?: string;
  /** Undefined for a refused one, whose parameters are not looked at. */
  readonly parameters?: ParameterKind<object>;
  /** The values are those that `parameters` has read. */
  make(values: object, around: Surroundings): Contribution;
}

interface PluginSpec<P extends Parameters> extends Omit<ForeignPlugin, "parameters" | "make" | "fate"> {
  readonly fate: Exclude<Fate, "refused">;
  readonly parameters?: P;
  make?(values: ParameterValues<P>, around: Surroundings): Contribution;
}

/** Keeps the types of the parameters' values. */
export function plugin<P extends Parameters>(spec: PluginSpec<P>): ForeignPlugin {
  const { parameters, make, ...rest } = spec;
  return {
    ...rest,
    parameters: mappingOf(parameters ?? {}),
    make: (values, around) => make?.(values as ParameterValues<P>, around) ?? {},
  };
}

/** `ours` is the nearest there is, "" where nothing comes near. */
export function refused(role: PluginRole, ours: string, type: string, remark?: string): ForeignPlugin {
  return { type, role, fate: "refused", ours, ...(remark !== undefined && { remark }), make: () => ({}) };
}

/** A note for every parameter of `names` that is written. */
export function idleNotes(values: object, reasons: Readonly<Record<string, string>>): { notes: string[] } {
  return { notes: Object.entries(reasons).flatMap(([name, why]) => (name in values ? [`${name}: ${why}`] : [])) };
}

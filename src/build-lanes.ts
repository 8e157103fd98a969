/** Compiles the profiles: scorers, filters, picker, and the owners of the columns that are filled per request. */
import { capacity, sessionAffinity } from "../scorers/index.ts";
import { AdapterColumn } from "./affinity/adapter-column.ts";
import { CapacityColumn } from "./affinity/capacity-column.ts";
import { ColdColumn } from "./affinity/cold-column.ts";
import { SessionColumn } from "./affinity/session-column.ts";
import type { Pod, PodTable } from "./pods/pod-table.ts";
import type { ServedModels } from "./pods/served-models.ts";
import { PrefixColumn } from "./prefix/prefix-column.ts";
import type { PrefixIndex } from "./prefix/prefix-index.ts";
import { FilterChain } from "./routing/filter-chain.ts";
import { Lane, type LaneParts } from "./routing/lane.ts";
import { buildPicker, optionsOf, type Profile } from "./routing/profile.ts";
import { type ScorerFaults, ScoringPlan } from "./routing/scoring-plan.ts";
import type { PodFacts } from "./scrape/pod-facts.ts";

export interface LaneSources {
  readonly table: PodTable;
  readonly models: ServedModels;
  readonly index: PrefixIndex;
  /** What a pod's page tells beside its columns; undefined where nothing does. */
  readonly facts: (pod: Pod) => Pick<PodFacts, "lora" | "blocks" | "startedAtSeconds"> | undefined;
  readonly scorerFaults: ScorerFaults;
}

/** By the profile's name. */
export function buildLanes(
  profiles: ReadonlyMap<string, Profile>,
  { table, models, index, facts, scorerFaults }: LaneSources,
): ReadonlyMap<string, Lane> {
  // What pods hold is the same whoever asks, so that all lanes learn together.
  const prefixHit = new PrefixColumn(index);
  const adapterState = new AdapterColumn({ table, models, facts });
  const ownersOf = (profile: Profile): LaneParts["owners"] => ({
    prefixHit,
    adapterState,
    coldRank: new ColdColumn(table),
    sessionMatch: new SessionColumn(table, optionsOf(profile, sessionAffinity)),
    capacity: new CapacityColumn(table, optionsOf(profile, capacity).label, (pod) => facts(pod)?.blocks ?? Number.NaN),
  });
  const laneOf = (profile: Profile): Lane =>
    new Lane({
      table,
      plan: new ScoringPlan(profile.scorers, scorerFaults),
      owners: ownersOf(profile),
      filters: new FilterChain(table, profile.filters, models),
      pick: buildPicker(profile.picker),
    });
  return new Map([...profiles].map(([name, profile]) => [name, laneOf(profile)]));
}

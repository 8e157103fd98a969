/** Compiles the profiles: scorers, filters, picker, and the owners of the columns that are filled per request. */
import { capacity, contextLength, headerLabel, sessionAffinity } from "../scorers/index.ts";
import { AdapterColumn } from "./affinity/adapter-column.ts";
import { CapacityColumn } from "./affinity/capacity-column.ts";
import { ColdColumn } from "./affinity/cold-column.ts";
import { ContextColumn } from "./affinity/context-column.ts";
import { HeaderLabelColumn } from "./affinity/header-label-column.ts";
import { SessionColumn } from "./affinity/session-column.ts";
import type { PodColumn, RequestColumn } from "./pods/columns.ts";
import type { Pod, PodTable } from "./pods/pod-table.ts";
import type { ServedModels } from "./pods/served-models.ts";
import { PrefixColumn } from "./prefix/prefix-column.ts";
import type { PrefixIndex } from "./prefix/prefix-index.ts";
import { FilterChain } from "./routing/filter-chain.ts";
import { Lane, type LaneParts } from "./routing/lane.ts";
import { endpointsOf } from "./routing/pickers.ts";
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
  /** What is gathered beside what scorers read, for those who look at decisions. */
  readonly watched?: readonly PodColumn[] | undefined;
  /** From one configuration to the next; by default nothing is. */
  readonly kept?: KeptLanes | undefined;
}

/** What outlives a configuration: lanes of profiles that the next one has too, and what all lanes learn together. */
export class KeptLanes {
  readonly lanes = new WeakMap<Profile, Lane>();
  shared: Pick<LaneParts["owners"], "prefixHit" | "adapterState"> | undefined;
}

/** By the profile's name. */
export function buildLanes(
  profiles: ReadonlyMap<string, Profile>,
  { table, models, index, facts, scorerFaults, watched = [], kept = new KeptLanes() }: LaneSources,
): ReadonlyMap<string, Lane> {
  // What pods hold is the same whoever asks, so that all lanes learn together.
  kept.shared ??= {
    prefixHit: new PrefixColumn(index),
    adapterState: new AdapterColumn({ table, models, facts }),
  };
  const { shared } = kept;
  const ownersOf = (profile: Profile): LaneParts["owners"] => ({
    ...shared,
    // The table would tell it of pods for ever, so that one nobody reads is not made.
    ...(reads(profile, "coldRank") && { coldRank: new ColdColumn(table) }),
    sessionMatch: new SessionColumn(table, optionsOf(profile, sessionAffinity)),
    capacity: new CapacityColumn(table, optionsOf(profile, capacity).label, (pod) => facts(pod)?.blocks ?? Number.NaN),
    headerMatch: new HeaderLabelColumn(table, optionsOf(profile, headerLabel)),
    lengthFit: new ContextColumn(table, optionsOf(profile, contextLength).label),
  });
  const laneOf = (profile: Profile): Lane =>
    new Lane({
      table,
      plan: new ScoringPlan(profile.scorers, scorerFaults),
      owners: ownersOf(profile),
      filters: new FilterChain(table, profile.filters, models),
      pick: buildPicker(profile.picker),
      endpoints: endpointsOf(profile.picker.picker, profile.picker.options),
      watched,
    });
  const obtain = (profile: Profile): Lane => {
    const lane = kept.lanes.get(profile) ?? laneOf(profile);
    kept.lanes.set(profile, lane);
    return lane;
  };
  return new Map([...profiles].map(([name, profile]) => [name, obtain(profile)]));
}

function reads({ scorers }: Profile, column: RequestColumn): boolean {
  return scorers.some(({ scorer }) => scorer.reads.includes(column));
}

/** Compiles what requests may name: the strategies of AIBrix, and the profiles of the configuration. */
import { AibrixSessionColumn } from "./affinity/aibrix-session-column.ts";
import type { LaneSources } from "./build-lanes.ts";
import type { Config } from "./config/options.ts";
import { strategySettings } from "./config/strategy-options.ts";
import { PrefixColumn } from "./prefix/prefix-column.ts";
import { FilterChain } from "./routing/filter-chain.ts";
import { Lane } from "./routing/lane.ts";
import { buildPicker, type Profile } from "./routing/profile.ts";
import { ScoringPlan } from "./routing/scoring-plan.ts";
import { Strategies } from "./routing/strategies/strategies.ts";

interface StrategySources extends Pick<LaneSources, "table" | "models" | "index" | "scorerFaults" | "watched"> {
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly lanes: ReadonlyMap<string, Lane>;
}

/** undefined where requests name none. */
export function buildStrategies(
  config: Config,
  { table, models, index, scorerFaults, watched = [], profiles, lanes }: StrategySources,
): Strategies | undefined {
  const settings = strategySettings(config);
  if (settings === undefined) return undefined;
  // One for all lanes: each of them fills it anew before it reads it.
  const owners = { prefixHit: new PrefixColumn(index), sessionMatch: new AibrixSessionColumn(table) };
  const { headers: laneHeaders } = owners.sessionMatch;
  const filtersOf = (name: string) => profiles.get(name)?.filters ?? [];
  return new Strategies({
    ...{ settings, table, lanes, laneHeaders },
    compile: ({ scorers, picker }, profile) =>
      new Lane({
        table,
        plan: new ScoringPlan(scorers, scorerFaults),
        owners,
        filters: new FilterChain(table, filtersOf(profile), models),
        pick: buildPicker(picker),
        whenUntold: "scorers",
        watched,
      }),
    // The pool's come first: what those of the named profile prefer is sought among the pods that the pool allows.
    within: (lane, named, profile) =>
      filtersOf(profile).length === 0
        ? lane
        : lane.with({
            plan: new ScoringPlan(profiles.get(named)?.scorers ?? [], scorerFaults),
            filters: new FilterChain(table, [...filtersOf(profile), ...filtersOf(named)], models),
          }),
  });
}

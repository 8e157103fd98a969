/** How requests are routed where the config file says nothing of it: as the Go picker does by default. */
import { builtInScorers } from "../../scorers/index.ts";
import { bestPicker } from "../routing/pickers.ts";
import type { Profile } from "../routing/profile.ts";

/** The weights that the Go picker's default configuration has. */
export const defaultWeights: Readonly<Record<string, number>> = { "queue-depth": 2, "kv-cache": 2, "prefix-cache": 3 };

export function defaultProfile(): Profile {
  const scorers = builtInScorers
    .filter((scorer) => scorer.name in defaultWeights)
    .map((scorer) => ({ scorer, weight: defaultWeights[scorer.name] ?? 0 }));
  return { filters: [], scorers, picker: { picker: bestPicker } };
}

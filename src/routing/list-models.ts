/** What GET /v1/models answers: the models of the pool's pods, each once. */
import type { PodTable } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";
import type { Pools } from "../pods/pools.ts";
import type { ModelEntry } from "../pods/served-models.ts";
import { type Refusal, type RouteHints, unknownPool, within } from "./choose-pool.ts";

/** Without a pool's name the models of all pools; undefined where a pod is to answer, since no list is known or wanted. */
export function listModels(
  pools: Pools,
  table: PodTable,
  hints: RouteHints,
): readonly ModelEntry[] | Refusal | undefined {
  const named = hints.pool === "" ? pools.all : [pools.byName(hints.pool)].filter((pool) => pool !== undefined);
  if (named.length === 0 && hints.pool !== "") return unknownPool(pools);
  if (named.some(({ settings }) => settings.listModels === "pass")) return undefined;
  const found = entriesOf(pools, named, table, hints);
  return found.length === 0 ? undefined : found;
}

/** Without a subset the answer is the same array, and the same bytes, until something changes. */
function entriesOf(
  pools: Pools,
  named: readonly Pool[],
  table: PodTable,
  { pool, subset }: RouteHints,
): readonly ModelEntry[] {
  if (subset === undefined) return pool === "" ? pools.entries() : (named[0]?.entries() ?? []);
  const found = new Map<string, ModelEntry>();
  for (const each of named) {
    for (const entry of each.entriesOf(within(table, each.members, subset)))
      if (!found.has(entry.id)) found.set(entry.id, entry);
  }
  return [...found.values()];
}

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
  const found = new Map<string, ModelEntry>();
  for (const pool of named) {
    for (const entry of entriesOf(pool, table, hints)) if (!found.has(entry.id)) found.set(entry.id, entry);
  }
  return found.size === 0 ? undefined : [...found.values()];
}

function entriesOf(pool: Pool, table: PodTable, { subset }: RouteHints): ModelEntry[] {
  return pool.entries(subset === undefined ? pool.members : within(table, pool.members, subset));
}

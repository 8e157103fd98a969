/** Which pool a request is for, and which of its pods may serve it. */
import type { ErrorCode } from "../errors.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { Pool, SlotList } from "../pods/pool.ts";
import type { Pools } from "../pods/pools.ts";

/** What a request says of its pods, beside its model. */
export interface RouteHints {
  /** Name of a pool, by the route's metadata or else by a header; "" when neither names one. */
  readonly pool: string;
  /** The addresses that Envoy allows, with or without a port; undefined when it allows all. */
  readonly subset: readonly string[] | undefined;
}

export const noHints: RouteHints = Object.freeze({ pool: "", subset: undefined });

export interface Refusal {
  readonly kind: "refused";
  readonly code: ErrorCode;
  /** The model that was asked for, where that is what is wrong. */
  readonly model?: string;
  /** Names the client may use instead. */
  readonly known?: readonly string[];
  /** The pool whose settings say how to refuse. */
  readonly pool?: Pool;
}

/** The pods that may serve the request, and the pool they are in. */
export interface Choice {
  readonly kind: "chosen";
  readonly pool: Pool;
  readonly among: SlotList;
}

/** So many names are enough to see a typing error by. */
const NAMED_AT_MOST = 50;

/** The pool that is named, else the first that lists the model, else the only one; `model` is "" where it is unknown. */
function choosePool(pools: Pools, hints: RouteHints, model: string): Pool | Refusal {
  if (hints.pool !== "") return pools.byName(hints.pool) ?? unknownPool(pools);
  const { all } = pools;
  const [only] = all;
  if (all.length === 1 && only !== undefined) return only;
  if (model === "") return unknownPool(pools);
  const listing = all.find((pool) => pool.lists(model));
  // A pool named after its model may have lost its pods, and a pool that tells no models may serve any.
  const chosen =
    listing ??
    pools.byName(model) ??
    all.find((pool) => pool.settings.unknownModel === "pass" || mayServe(pool, model));
  return chosen ?? unknownModel(all, model);
}

export function choosePods(pools: Pools, table: PodTable, hints: RouteHints, model: string): Choice | Refusal {
  const pool = choosePool(pools, hints, model);
  if ("kind" in pool) return pool;
  let among = pool.serving(model);
  if (among === undefined && pool.settings.unknownModel === "pass") among = pool.members;
  if (among === undefined) return unknownModel([pool], model);
  if (among.size === 0) return { kind: "refused", code: "no_pods" };
  if (hints.subset === undefined) return { kind: "chosen", pool, among };
  const allowed = within(table, among, hints.subset);
  return allowed.size === 0 ? { kind: "refused", code: "subset_empty" } : { kind: "chosen", pool, among: allowed };
}

/** The slots of `among` whose pods are in the list; an entry without a port stands for every port. */
export function within(table: PodTable, among: SlotList, subset: readonly string[]): SlotList {
  const allowed = new Set(subset.map((entry) => entry.trim()));
  const isAllowed = (slot: number): boolean => {
    const address = table.podAt(slot as Slot)?.address ?? "";
    const host = address.slice(0, address.lastIndexOf(":"));
    return allowed.has(address) || allowed.has(host) || allowed.has(host.replace(/^\[|\]$/g, ""));
  };
  const slots = among.slots.subarray(0, among.size).filter(isAllowed);
  return { slots, size: slots.length };
}

function mayServe(pool: Pool, model: string): boolean {
  const slots = pool.serving(model);
  return slots !== undefined && slots.size > 0;
}

export function unknownPool(pools: Pools): Refusal {
  return { kind: "refused", code: "pool_unknown", known: pools.all.slice(0, NAMED_AT_MOST).map(({ name }) => name) };
}

function unknownModel(among: readonly Pool[], model: string): Refusal {
  const ids = new Set(among.flatMap((pool) => pool.entries().map(({ id }) => id)));
  const [pool] = among;
  const known = [...ids].slice(0, NAMED_AT_MOST);
  return { kind: "refused", code: "model_not_found", model, known, ...(pool === undefined ? {} : { pool }) };
}

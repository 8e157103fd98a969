/** Which pool a request is for, and which of its pods may serve it. */
import type { ErrorCode } from "../errors.ts";
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { Pool, SlotList } from "../pods/pool.ts";
import type { Pools } from "../pods/pools.ts";
import { isListed } from "./filters/address-list.ts";

/** What a request says of its pods, beside its body. */
export interface RouteHints {
  /** Name of a pool, by the route's metadata or else by a header; "" when neither names one. */
  readonly pool: string;
  /** The addresses that Envoy allows, with or without a port; undefined when it allows all. */
  readonly subset: readonly string[] | undefined;
  /** The headers that the profiles read, by lower-case name; those that did not come are not there. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The model that the path names; "" when it names none. */
  readonly model: string;
}

export const noHints: RouteHints = Object.freeze({ pool: "", subset: undefined, model: "" });

export interface Refusal {
  readonly kind: "refused";
  readonly code: ErrorCode;
  /** The model that was asked for, where that is what is wrong. */
  readonly model?: string;
  /** Names the client may use instead. */
  readonly known?: readonly string[];
  /** The pool whose settings say how to refuse. */
  readonly pool?: Pool;
  /** The strategy that the request names, where it names one. */
  readonly strategy?: string;
  /** Of that, the part that is known to others and not done here. */
  readonly unsupported?: string;
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
  // A pool named after its model may have lost its pods, and a pool that does not tell its models may serve any. One that
  // has not told them yet is not guessed to be the one: the pods of the others are not its equals.
  const chosen =
    listing ?? pools.byName(model) ?? all.find((pool) => pool.settings.unknownModel === "pass" || pool.takesAny);
  return chosen ?? unknownModel(pools, all, model);
}

/** `bodyModel` is "" where no body was read or it names none. */
export function choosePods(pools: Pools, table: PodTable, hints: RouteHints, bodyModel: string): Choice | Refusal {
  const model = bodyModel === "" ? hints.model : bodyModel;
  const pool = choosePool(pools, hints, model);
  if ("kind" in pool) return pool;
  let among = pool.serving(model);
  if (among === undefined && pool.settings.unknownModel === "pass") among = pool.members;
  if (among === undefined) return unknownModel(pools, [pool], model);
  if (among.size === 0) return { kind: "refused", code: "no_pods", model, pool };
  if (hints.subset === undefined) return { kind: "chosen", pool, among };
  const allowed = within(table, among, hints.subset);
  return allowed.size === 0
    ? { kind: "refused", code: "subset_empty", model, pool }
    : { kind: "chosen", pool, among: allowed };
}

/** The slots of `among` whose pods are in the list; an entry without a port stands for every port. */
export function within(table: PodTable, among: SlotList, subset: readonly string[]): SlotList {
  const isAllowed = isListed(subset);
  const slots = among.slots.subarray(0, among.size).filter((slot) => {
    const pod = table.podAt(slot as Slot);
    return pod !== undefined && isAllowed(pod);
  });
  return { slots, size: slots.length };
}

/** What is unknown while pods are still missing may be known in a moment: that is no fault of the client. */
export function unknownPool(pools: Pools): Refusal {
  if (pools.all.length === 0 || !pools.complete) return { kind: "refused", code: "no_pods" };
  return { kind: "refused", code: "pool_unknown", known: pools.all.slice(0, NAMED_AT_MOST).map(({ name }) => name) };
}

function unknownModel(pools: Pools, among: readonly Pool[], model: string): Refusal {
  if (pools.mayGrow || among.some((pool) => pool.tellsSoon)) return { kind: "refused", code: "no_pods" };
  const [pool] = among;
  const known = firstNames(among);
  return { kind: "refused", code: "model_not_found", model, known, ...(pool === undefined ? {} : { pool }) };
}

function firstNames(pools: readonly Pool[]): string[] {
  const names = new Set<string>();
  for (const pool of pools) {
    for (const name of pool.modelNames()) {
      if (names.size >= NAMED_AT_MOST) return [...names];
      names.add(name);
    }
  }
  return [...names];
}

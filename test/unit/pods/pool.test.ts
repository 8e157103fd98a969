import { describe, expect, test } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings, type PoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { type ModelList, ServedModels } from "../../../src/pods/served-models.ts";
import { seededRandom } from "../../../src/routing/seeded-random.ts";

const listed = (...ids: string[]): ModelList => ({ kind: "listed", entries: ids.map((id) => ({ id })) });
const untold = (...ids: string[]): ModelList => ({ kind: "untold", entries: ids.map((id) => ({ id })) });
/** What the labels of a pod without a list give: a base model and adapters used. */
const labelled = (base: string, ...adapters: string[]): ModelList => ({
  kind: "untold",
  entries: [{ id: base }, ...adapters.map((id) => ({ id, parent: base }))],
});
const silent: ModelList = { kind: "silent", entries: [] };

/** A pool with one pod per list; undefined has not told yet. */
function poolOf(...lists: (ModelList | undefined)[]) {
  const table = new PodTable();
  const models = new ServedModels();
  const pool = new Pools({ table, models }).obtain("p", defaultPoolSettings);
  table.reconcile(lists.map((_, i) => ({ name: `pod-${i}`, address: `10.0.0.${i}:1` })));
  const pods = table.pods();
  pool.assign(pods);
  for (const [i, list] of lists.entries()) if (list !== undefined) models.set(pods[i]!, list);
  const serving = (model: string) => {
    const found = pool.serving(model);
    return found === undefined ? "unknown" : [...found.slots.subarray(0, found.size)].sort();
  };
  return { table, models, pool, pods, serving };
}

describe("Pool.serving", () => {
  test("gives the pods that list the model, and all of them where no model is named", () => {
    const { serving } = poolOf(listed("a"), listed("a", "b"), listed("c"));
    expect([serving("a"), serving("b"), serving("")]).toEqual([[0, 1], [1], [0, 1, 2]]);
  });

  test("knows no model that every pod says it does not serve", () => {
    expect(poolOf(listed("a"), listed("b")).serving("c")).toBe("unknown");
  });

  test("counts a pod that names no model in for every model", () => {
    const { serving } = poolOf(listed("a"), untold());
    expect([serving("a"), serving("zzz")]).toEqual([[0, 1], [1]]);
  });

  test("takes a pod without a list at its labels' word where another pod names the model", () => {
    const { serving } = poolOf(labelled("a"), labelled("b"), listed("c"));
    expect([serving("a"), serving("b"), serving("c")]).toEqual([[0], [1], [2]]);
  });

  test("tries pods without a list for what nobody names: an alias or an adapter shows in no label before its use", () => {
    const { serving } = poolOf(labelled("a"), labelled("b"), listed("c"));
    expect(serving("alias")).toEqual([0, 1]);
  });

  test("believes that a pod without a list serves no more than a pod of the same base that has one", () => {
    const { serving } = poolOf(labelled("a"), listed("a", "adapter"));
    expect([serving("a"), serving("adapter"), serving("typo")]).toEqual([[0, 1], [1], "unknown"]);
  });

  test("sends an adapter in use on one pod without a list to all of that base, and to no other", () => {
    const { serving } = poolOf(labelled("a", "adapter"), labelled("a"), labelled("b"));
    expect([serving("adapter"), serving("a")]).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test("tells base models of one pod apart: another with one of them need not have both", () => {
    const { serving } = poolOf(untold("a", "b"), untold("a"));
    expect(serving("b")).toEqual([0]);
  });

  test("turns to pods that have not told yet for a model that nobody is known to serve, while they can be reached", () => {
    const { serving, table } = poolOf(listed("a"), listed("b"), undefined);
    expect([serving("a"), serving("c")]).toEqual([[0], [2]]);
    table.reachable[2] = 0;
    expect(serving("c")).toBe("unknown");
  });

  test("counts pods that have not told yet in where all that have told serve the model", () => {
    const { serving, models, pods } = poolOf(listed("a", "x"), listed("a"), undefined, undefined);
    expect([serving("a"), serving("x")]).toEqual([[0, 1, 2, 3], [0]]);
    models.set(pods[2]!, listed("b"));
    expect(serving("a")).toEqual([0, 1]);
  });

  test("asks nothing of a pod that stayed silent, unless nobody has told anything", () => {
    const { serving, models, pods } = poolOf(silent, undefined);
    expect(serving("a")).toEqual([1]);
    models.set(pods[1]!, silent);
    expect(serving("a")).toEqual([0, 1]);
    models.set(pods[1]!, listed("a"));
    expect([serving("a"), serving("b")]).toEqual([[1], "unknown"]);
  });

  test("tries everybody while nobody has told and none can be reached", () => {
    const { serving, table } = poolOf(undefined, undefined);
    table.reachable.fill(0);
    expect(serving("a")).toEqual([0, 1]);
  });

  test("follows the lists and the members as they change", () => {
    const { models, pool, pods, serving } = poolOf(listed("a"), listed("a"));
    models.set(pods[1]!, listed("a", "adapter"));
    expect(serving("adapter")).toEqual([1]);
    pool.assign(pods.slice(0, 1));
    expect(serving("adapter")).toBe("unknown");
    models.set(pods[0]!, listed("b"));
    expect([serving("a"), serving("b")]).toEqual(["unknown", [0]]);
  });

  test("of an empty pool is empty, not unknown", () => {
    expect(poolOf().serving("a")).toEqual([]);
  });
});

describe("Pool.entries", () => {
  test("lists each model once, as the pod tells it that named it first", () => {
    const { models, pool, pods } = poolOf(undefined, undefined);
    models.set(pods[0]!, { kind: "listed", entries: [{ id: "a", max_model_len: 1 }] });
    models.set(pods[1]!, { kind: "listed", entries: [{ id: "a" }, { id: "b" }, { id: "b", again: true }] });
    expect(pool.entries()).toEqual([{ id: "a", max_model_len: 1 }, { id: "b" }]);
    expect([pool.lists("b"), pool.lists("c")]).toEqual([true, false]);
  });

  test("says of a model what a pod says that is still there", () => {
    const { models, pool, pods } = poolOf(undefined, undefined);
    models.set(pods[0]!, { kind: "listed", entries: [{ id: "a", max_model_len: 1 }, { id: "b" }] });
    models.set(pods[1]!, { kind: "listed", entries: [{ id: "a", max_model_len: 2 }] });
    pool.assign(pods.slice(1));
    expect(pool.entries()).toEqual([{ id: "a", max_model_len: 2 }]);
  });

  test("is the same array until something changes", () => {
    const { models, pool, pods } = poolOf(listed("a"), listed("a"));
    const before = pool.entries();
    pool.assign([...pods]);
    models.set(pods[0]!, listed("a"));
    expect(pool.entries()).toBe(before);
    models.set(pods[0]!, listed("a", "b"));
    expect(pool.entries()).not.toBe(before);
  });
});

test("Pool keeps what it knows in step with pods that come, go, take over slots and change their minds", () => {
  const table = new PodTable();
  const models = new ServedModels();
  const pool = new Pools({ table, models }).obtain("p", defaultPoolSettings);
  const random = seededRandom(7);
  const below = (limit: number) => Math.floor(random() * limit);
  const randomList = (): ModelList => listed(...Array.from({ length: below(4) }, () => `m${below(5)}`));
  for (let round = 0; round < 500; round++) {
    const specs = Array.from({ length: below(6) }, () => below(8)).map((n) => ({
      name: `pod-${n}-${below(2)}`,
      address: `10.0.0.${n}:1`,
    }));
    table.reconcile(specs);
    const pods = table.pods();
    if (below(2) === 0) pool.assign(pods);
    for (const pod of pods) if (below(2) === 0) models.set(pod, randomList());
    pool.assign(pods);
    // As long as one names a model and none is pending or without a list, who serves it is who names it.
    const told = pods.every((pod) => models.of(pod) !== undefined);
    for (let m = 0; m < 5 && told; m++) {
      const naming = pods.filter((pod) => models.of(pod)?.entries.some(({ id }) => id === `m${m}`));
      expect(pool.lists(`m${m}`)).toBe(naming.length > 0);
      if (naming.length === 0) continue;
      const { slots, size } = pool.serving(`m${m}`)!;
      expect([...slots.subarray(0, size)].sort()).toEqual(naming.map(({ slot }) => slot).sort());
    }
    const ids = new Set(pods.flatMap((pod) => models.of(pod)?.entries.map(({ id }) => id) ?? []));
    expect(new Set(pool.entries().map(({ id }) => id))).toEqual(ids);
    expect(new Set(pool.modelNames())).toEqual(ids);
  }
});

test("Pool reads of 50 pods' lists only the one that changed, for picks and for the list of all", () => {
  let reads = 0;
  const counted = (...ids: string[]): ModelList => {
    const { entries } = listed(...ids);
    return {
      kind: "listed",
      get entries() {
        reads++;
        return entries;
      },
    };
  };
  const { pool, models, pods } = poolOf(...Array.from({ length: 50 }, () => counted("a", "b")));
  pool.entries();
  models.set(pods[7]!, counted("a", "c"));
  reads = 0;
  models.set(pods[7]!, counted("a", "d"));
  expect([pool.serving("a")?.size, pool.serving("d")?.size, pool.lists("c")]).toEqual([50, 1, false]);
  expect(pool.entries().map(({ id }) => id)).toEqual(["a", "b", "d"]);
  expect(reads).toBeLessThan(20);
});

test("ServedModels tells of a change only when the names change", () => {
  const { models, pods } = poolOf(listed("a"));
  const changed: unknown[] = [];
  models.onChange((pod) => changed.push(pod));
  models.set(pods[0]!, { kind: "listed", entries: [{ id: "a", created: 2 }] });
  expect(changed).toEqual([]);
  models.set(pods[0]!, untold("a"));
  expect(changed).toEqual([pods[0]]);
});

test("Pools.obtain makes a pool once, and of() names those a pod is in", () => {
  const table = new PodTable();
  const pools = new Pools({ table, models: new ServedModels() });
  table.reconcile([{ name: "a", address: "a:1" }]);
  const [pod] = table.pods();
  const one = pools.obtain("one", defaultPoolSettings);
  expect(pools.obtain("one", defaultPoolSettings)).toBe(one);
  pools.obtain("two", defaultPoolSettings).assign([pod!]);
  expect(pools.of(pod!).map(({ name }) => name)).toEqual(["two"]);
  expect(pools.byName("three")).toBeUndefined();
});

describe("Pools.expire", () => {
  const minutes = (n: number) => n * 60_000;

  function empty() {
    const table = new PodTable();
    const pools = new Pools({ table, models: new ServedModels() });
    table.reconcile([{ name: "a", address: "a:1" }]);
    pools.obtain("configured", defaultPoolSettings);
    const pool = pools.adopt("adopted", defaultPoolSettings);
    return { pools, pool, pods: table.pods(), names: () => pools.all.map(({ name }) => name) };
  }

  test("drops an adopted pool after five empty minutes, and no other", () => {
    const { pools, names } = empty();
    pools.expire(minutes(1));
    pools.expire(minutes(6) - 1);
    expect(names()).toEqual(["configured", "adopted"]);
    pools.expire(minutes(6));
    expect(names()).toEqual(["configured"]);
    expect(pools.byName("adopted")).toBeUndefined();
    expect(pools.adopt("adopted", defaultPoolSettings).members.size).toBe(0);
  });

  test("begins to count anew once the pool has had pods", () => {
    const { pools, pool, pods, names } = empty();
    pools.expire(minutes(1));
    pool.assign(pods);
    pools.expire(minutes(9));
    pool.assign([]);
    pools.expire(minutes(10));
    pools.expire(minutes(14));
    expect(names()).toHaveLength(2);
    pools.expire(minutes(15));
    expect(names()).toHaveLength(1);
  });
});

describe("Pools.arrange", () => {
  const passing = { ...defaultPoolSettings, unknownModel: "pass" } as const;
  const named = (name: string, settings: PoolSettings = defaultPoolSettings) => ({ name, settings });
  const arranged = () => {
    const pools = new Pools({ table: new PodTable(), models: new ServedModels() });
    const [one, two] = [pools.obtain("one", defaultPoolSettings), pools.obtain("two", defaultPoolSettings)];
    return { pools, one, two, names: () => pools.all.map(({ name }) => name) };
  };

  test("keeps pools with their pods, gives them their new settings, and drops those that are named no more", () => {
    const { pools, two, names } = arranged();
    pools.arrange([named("three"), named("two", passing)]);
    expect(names()).toEqual(["three", "two"]);
    expect(pools.byName("two")).toBe(two);
    expect(two.settings).toBe(passing);
    expect(pools.byName("one")).toBeUndefined();
  });

  test("keeps what pods name where one configuration stands for all such names", () => {
    const { pools, one, names } = arranged();
    pools.arrange([named("", passing), named("two")]);
    expect(names()).toEqual(["two", "one"]);
    expect(one.settings).toBe(passing);
  });
});

import { describe, expect, test } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { type ModelList, ServedModels } from "../../../src/pods/served-models.ts";

const listed = (...ids: string[]): ModelList => ({ kind: "listed", entries: ids.map((id) => ({ id })) });
const untold = (...ids: string[]): ModelList => ({ kind: "untold", entries: ids.map((id) => ({ id })) });

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

  test("counts a pod that does not tell its models in for every model", () => {
    const { serving } = poolOf(listed("a"), untold("b"), untold());
    expect([serving("a"), serving("b"), serving("zzz")]).toEqual([
      [0, 1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  test("turns to pods not asked yet only for a model that nobody is known to serve", () => {
    const { serving } = poolOf(listed("a"), undefined);
    expect([serving("a"), serving("b")]).toEqual([[0], [1]]);
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

test("Pool.entries lists each model once, as the first pod that serves it tells it", () => {
  const { models, pool, pods } = poolOf(listed("a"), listed("a", "b"));
  models.set(pods[0]!, { kind: "listed", entries: [{ id: "a", max_model_len: 1 }] });
  expect(pool.entries()).toEqual([{ id: "a", max_model_len: 1 }, { id: "b" }]);
  expect(pool.lists("b")).toBe(true);
  expect(pool.lists("c")).toBe(false);
});

test("ServedModels changes its version only when the names change", () => {
  const { models, pods } = poolOf(listed("a"));
  const { version } = models;
  models.set(pods[0]!, { kind: "listed", entries: [{ id: "a", created: 2 }] });
  expect(models.version).toBe(version);
  models.set(pods[0]!, untold("a"));
  expect(models.version).toBe(version + 1);
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

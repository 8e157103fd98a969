import { describe, expect, test } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings, type PoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { type ModelList, ServedModels } from "../../../src/pods/served-models.ts";
import { choosePods, noHints, type RouteHints } from "../../../src/routing/choose-pool.ts";
import { listModels } from "../../../src/routing/list-models.ts";

interface PoolDraft {
  /** The models of each pod; null does not tell, "later" has not told yet. */
  readonly pods: readonly (readonly string[] | null | "later")[];
  readonly settings?: Partial<PoolSettings>;
}

/** Pods are addressed 10.0.<pool>.<pod>:8000. */
function world(drafts: Readonly<Record<string, PoolDraft>>) {
  const table = new PodTable();
  const models = new ServedModels();
  const pools = new Pools({ table, models });
  const specs = Object.values(drafts).map(({ pods }, p) =>
    pods.map((_, i) => ({ name: `pod-${p}-${i}`, address: `10.0.${p}.${i}:8000` })),
  );
  table.reconcile(specs.flat());
  for (const [p, [name, draft]] of Object.entries(drafts).entries()) {
    const pods = (specs[p] ?? []).map(({ address }) => table.byAddress(address)!);
    pools.obtain(name, { ...defaultPoolSettings, ...draft.settings }).assign(pods);
    for (const [i, ids] of draft.pods.entries()) {
      if (ids === "later") continue;
      const list: ModelList = { kind: ids === null ? "untold" : "listed", entries: (ids ?? []).map((id) => ({ id })) };
      models.set(pods[i]!, list);
    }
  }
  const choose = (model: string, hints: Partial<RouteHints> = {}) => {
    const found = choosePods(pools, table, { ...noHints, ...hints }, model);
    if (found.kind === "refused") return `${found.code} ${(found.known ?? []).join(" ")}`.trim();
    return `${found.pool.name}: ${[...found.among.slots.subarray(0, found.among.size)].join(" ")}`;
  };
  const list = (hints: Partial<RouteHints> = {}) => {
    const found = listModels(pools, table, { ...noHints, ...hints });
    return found === undefined || "kind" in found ? found : found.map(({ id }) => id);
  };
  return { choose, list, pools, table, models };
}

const two = { small: { pods: [["s"], ["s"]] }, large: { pods: [["l", "s"]] } };

describe("choosePods", () => {
  test("takes the only pool, and its pods that serve the model", () => {
    const { choose } = world({ default: { pods: [["a"], ["b"]] } });
    expect([choose("a"), choose("b"), choose("")]).toEqual(["default: 0", "default: 1", "default: 0 1"]);
  });

  test("takes the first pool that lists the model, unless one is named", () => {
    const { choose } = world(two);
    expect([choose("s"), choose("l")]).toEqual(["small: 0 1", "large: 2"]);
    expect([choose("s", { pool: "large" }), choose("", { pool: "large" })]).toEqual(["large: 2", "large: 2"]);
  });

  test("refuses a pool that does not exist, or that nothing tells, naming those there are", () => {
    const { choose } = world(two);
    expect([choose("s", { pool: "x" }), choose("")]).toEqual(["pool_unknown small large", "pool_unknown small large"]);
  });

  test("refuses a model that nobody serves, naming those that are served", () => {
    expect(world(two).choose("x")).toBe("model_not_found s l");
    expect(world(two).choose("l", { pool: "small" })).toBe("model_not_found s");
  });

  test("lets an unknown model pass where the pool says so", () => {
    const { choose } = world({ default: { pods: [["a"], ["b"]], settings: { unknownModel: "pass" } } });
    expect(choose("x")).toBe("default: 0 1");
  });

  test("takes a pool whose pods do not tell their models for what no other lists", () => {
    const { choose } = world({ ...two, mute: { pods: [null] } });
    expect([choose("x"), choose("s")]).toEqual(["mute: 3", "small: 0 1"]);
  });

  test("guesses no pool whose pods have not told yet: of a model that nobody names it may be known in a moment", () => {
    const { choose, table, models } = world({ late: { pods: [["a"], "later"] }, done: { pods: [["b"]] } });
    expect([choose("b"), choose("x")]).toEqual(["done: 2", "no_pods"]);
    expect(choose("x", { pool: "late" })).toBe("late: 1");
    table.reachable[1] = 0;
    expect(choose("x")).toBe("model_not_found a b");
    table.reachable[1] = 1;
    models.set(table.byAddress("10.0.0.1:8000")!, { kind: "listed", entries: [{ id: "x" }] });
    expect(choose("x")).toBe("late: 1");
  });

  test("does not call a model unknown while a whole pool has told nothing", () => {
    const { choose, table } = world({ dark: { pods: ["later"] }, done: { pods: [["b"]] } });
    table.reachable[0] = 0;
    expect([choose("x"), choose("x", { pool: "done" })]).toEqual(["no_pods", "model_not_found b"]);
  });

  test("goes by the model of the path where the body names none", () => {
    const { choose } = world(two);
    expect([choose("", { model: "l" }), choose("s", { model: "l" })]).toEqual(["large: 2", "small: 0 1"]);
    expect(choose("", { model: "x" })).toBe("model_not_found s l");
  });

  test("names fifty models at most", () => {
    const { choose } = world({ default: { pods: [Array.from({ length: 60 }, (_, i) => `m${i}`)] } });
    expect(choose("x").split(" ")).toHaveLength(51);
  });

  test("knows a pool without pods by the model it is named after", () => {
    expect(world({ ...two, llama: { pods: [] } }).choose("llama")).toBe("no_pods");
  });

  test.each([
    ["an address", ["10.0.0.1:8000"], "default: 1"],
    ["a host for all its ports", ["10.0.0.0"], "default: 0"],
    ["several, with space", [" 10.0.0.0:8000", "10.0.0.1"], "default: 0 1"],
    ["another port", ["10.0.0.0:9000"], "subset_empty"],
    ["nothing", [], "subset_empty"],
  ])("keeps to a subset that names %s", (_, subset, expected) => {
    expect(world({ default: { pods: [["a"], ["a"]] } }).choose("a", { subset })).toBe(expected);
  });
});

describe("listModels", () => {
  test("joins the models of all pools, or of the one that is named", () => {
    const { list } = world(two);
    expect([list(), list({ pool: "small" })]).toEqual([["s", "l"], ["s"]]);
    expect(list({ pool: "x" })).toMatchObject({ code: "pool_unknown" });
  });

  test("is the same list until something changes, so that it need not be spelled again", () => {
    const { list: _, pools, table, models } = world(two);
    const ask = (pool = "") => listModels(pools, table, { ...noHints, pool });
    const [all, small] = [ask(), ask("small")];
    expect([ask(), ask("small")]).toEqual([all, small]);
    expect(ask()).toBe(all);
    expect(ask("small")).toBe(small);
    models.set(table.byAddress("10.0.1.0:8000")!, { kind: "listed", entries: [{ id: "l" }, { id: "n" }] });
    expect(ask()).toEqual([{ id: "s" }, { id: "l" }, { id: "n" }]);
    expect(ask("small")).toBe(small);
  });

  test("keeps to the subset", () => {
    expect(world({ default: { pods: [["a"], ["b"]] } }).list({ subset: ["10.0.0.1"] })).toEqual(["b"]);
  });

  test("leaves the answer to a pod where the pool says so, or where no list is known", () => {
    expect(world({ default: { pods: [["a"]], settings: { listModels: "pass" } } }).list()).toBeUndefined();
    expect(world({ default: { pods: [null] } }).list()).toBeUndefined();
  });
});

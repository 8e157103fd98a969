import { describe, expect, test } from "vitest";
import { PodTable } from "../../../../src/pods/pod-table.ts";
import { defaultPoolSettings, Pool } from "../../../../src/pods/pool.ts";
import { ServedModels } from "../../../../src/pods/served-models.ts";
import { type Choice, noHints } from "../../../../src/routing/choose-pool.ts";
import type { Lane } from "../../../../src/routing/lane.ts";
import {
  strategies as known,
  type StrategyProfile,
  unsupportedStrategies,
} from "../../../../src/routing/strategies/catalogue.ts";
import { Strategies } from "../../../../src/routing/strategies/strategies.ts";
import type { StrategySettings } from "../../../../src/routing/strategies/strategy-settings.ts";

const settings: StrategySettings = {
  header: "routing-strategy",
  default: "",
  allowed: undefined,
  filterHeader: "external-filter",
  prefixCache: {},
};

/** Lanes are stood for by what they are compiled from. */
function world(given: Partial<StrategySettings> = {}, profiles: readonly string[] = []) {
  const table = new PodTable();
  const joined: string[] = [];
  const compiled: { readonly strategy: StrategyProfile; readonly profile: string }[] = [];
  const strategies = new Strategies({
    settings: { ...settings, ...given },
    table,
    lanes: new Map(profiles.map((name) => [name, { name } as unknown as Lane])),
    compile: (strategy, profile) => {
      compiled.push({ strategy, profile });
      return { number: compiled.length } as unknown as Lane;
    },
    within: (lane, named, profile) => {
      joined.push(`${named} in ${profile}`);
      return { ...lane, in: profile } as unknown as Lane;
    },
    laneHeaders: ["x-session-id"],
  });
  return { table, strategies, compiled, joined };
}

const hints = (headers: Readonly<Record<string, string>>) => ({ ...noHints, headers });

describe("named", () => {
  test("is what the header says, then the default", () => {
    const { strategies } = world({ default: "random" });
    expect(strategies.named(hints({ "routing-strategy": " least-request " }))).toBe("least-request");
    expect(strategies.named(hints({ other: "x" }))).toBe("random");
    expect(strategies.named(noHints)).toBe("random");
    expect(world().strategies.named(hints({}))).toBe("");
  });

  test("reads the header it is told, and asks for no more headers than it reads", () => {
    const { strategies } = world({ header: "x-way", filterHeader: "" });
    expect(strategies.named(hints({ "routing-strategy": "random", "x-way": "throughput" }))).toBe("throughput");
    expect(strategies.headers).toEqual(["x-way", "x-session-id"]);
    expect(world({ header: "" }).strategies.named(hints({ "": "random" }))).toBe("random");
  });
});

describe("laneOf", () => {
  test.each(Object.keys(known))("compiles %s once for each profile", (name) => {
    const { strategies, compiled } = world();
    const lane = strategies.laneOf(name, "default");
    expect(lane).toBeDefined();
    expect(strategies.laneOf(name, "default")).toBe(lane);
    expect(strategies.laneOf(name, "other")).not.toBe(lane);
    expect(compiled.map(({ profile }) => profile)).toEqual(["default", "other"]);
  });

  test("weighs a mix by its share, and leaves out what has no weight", () => {
    const { strategies, compiled } = world();
    expect(strategies.laneOf("least-request:3,prefix-cache,throughput:0", "p")).toBeDefined();
    const uses = compiled[0]?.strategy.scorers.map(({ scorer, weight }) => [scorer.name, weight]);
    expect(uses).toEqual([
      ["least-request", 0.75],
      ["prefix-cache", 0.25],
    ]);
  });

  test("gives prefix-cache its options where it decides alone", () => {
    const { strategies, compiled } = world({ prefixCache: { imbalance: 8, deviations: 1 } });
    strategies.laneOf("prefix-cache", "p");
    expect(compiled[0]?.strategy.scorers[0]).toMatchObject({ weight: 1, options: { imbalance: 8, deviations: 1 } });
  });

  test.each([
    ...Object.keys(unsupportedStrategies),
    "nothing",
    "toString",
    "random,least-request",
    "power-of-two:2,least-request",
    "least-request,vtc-basic",
    "least-request,pd:1",
    "least-request:0",
    "least-request,",
  ])("is none for %j", (name) => {
    const { strategies, compiled } = world();
    expect(strategies.laneOf(name, "default")).toBeUndefined();
    expect(compiled).toEqual([]);
  });

  test("keeps a bounded number of mixes, those used last", () => {
    const { strategies, compiled } = world();
    const mix = (n: number) => strategies.laneOf(`least-request:${n},throughput:1`, "p");
    const first = mix(1);
    const random = strategies.laneOf("random", "p");
    for (let n = 2; n <= 32; n++) mix(n);
    expect(mix(1)).toBe(first);
    for (let n = 33; n <= 62; n++) mix(n);
    expect(mix(1)).toBe(first);
    const before = compiled.length;
    mix(2);
    expect(compiled.length).toBe(before + 1);
    expect(strategies.laneOf("random", "p")).toBe(random);
  });

  test("finds a profile by its name before any strategy", () => {
    const { strategies, compiled, joined } = world({}, ["gold", "random"]);
    expect(strategies.laneOf("gold", "gold")).toEqual({ name: "gold" });
    expect(strategies.laneOf("random", "default")).toEqual({ name: "random", in: "default" });
    expect(compiled).toEqual([]);
    expect(joined).toEqual(["random in default"]);
  });

  test("joins a profile with that of the pool once", () => {
    const { strategies, joined } = world({}, ["gold", "silver"]);
    const lane = strategies.laneOf("gold", "silver");
    expect(strategies.laneOf("gold", "silver")).toBe(lane);
    expect(strategies.laneOf("gold", "other")).not.toBe(lane);
    expect(joined).toEqual(["gold in silver", "gold in other"]);
  });

  test("is none for what is not allowed, alone, in a mix or as a profile", () => {
    const { strategies } = world({ allowed: ["least-request", "throughput", "gold"] }, ["gold", "silver"]);
    const found = (name: string) => strategies.laneOf(name, "default") !== undefined;
    expect(["least-request", "least-request,throughput:9", "gold"].map(found)).toEqual([true, true, true]);
    expect(["random", "least-request,least-gpu-cache", "silver"].map(found)).toEqual([false, false, false]);
  });
});

describe("refusal", () => {
  test.each([
    ["nothing", {}],
    ["pd", { unsupported: "pd" }],
    ["least-request,vtc-basic:3", { unsupported: "vtc-basic" }],
    ["a,,b", {}],
  ])("of %j says what is known elsewhere", (strategy, more) => {
    expect(world().strategies.refusal(strategy)).toEqual({
      kind: "refused",
      code: "strategy_unknown",
      strategy,
      ...more,
    });
  });
});

describe("narrow", () => {
  function choiceIn({ table }: { table: PodTable }): Choice {
    table.reconcile([
      { name: "a", address: "10.0.0.1:1", labels: { zone: "a" } },
      { name: "b", address: "10.0.0.2:1", labels: { zone: "b" } },
    ]);
    const pool = new Pool("p", defaultPoolSettings, { table, models: new ServedModels() });
    pool.assign(table.pods());
    return { kind: "chosen", pool, among: pool.members };
  }

  test("leaves the pods that the request's selector allows, all without one", () => {
    const it = world();
    const choice = choiceIn(it);
    expect(it.strategies.narrow(choice, "random", hints({}))).toBe(choice);
    const narrowed = it.strategies.narrow(choice, "random", hints({ "external-filter": "zone=b" }));
    expect(narrowed.kind === "chosen" && [...narrowed.among.slots]).toEqual([it.table.byAddress("10.0.0.2:1")?.slot]);
  });

  test.each(["zone=c", "zone in ("])("refuses where %j leaves nobody", (text) => {
    const it = world();
    const refusal = it.strategies.narrow(choiceIn(it), "random", hints({ "external-filter": text }));
    expect(refusal).toMatchObject({ kind: "refused", code: "filter_empty", strategy: "random" });
  });
});

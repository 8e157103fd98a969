import { describe, expect, test } from "vitest";
import { buildLanes } from "../../src/build-lanes.ts";
import { buildStrategies } from "../../src/build-strategies.ts";
import { defaultProfile } from "../../src/config/default-profile.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { serveOptions } from "../../src/config/options.ts";
import { PodTable } from "../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../src/pods/pool.ts";
import { Pools } from "../../src/pods/pools.ts";
import { ServedModels } from "../../src/pods/served-models.ts";
import { PrefixIndex } from "../../src/prefix/prefix-index.ts";
import { bodylessRequest } from "../../src/request/inference-request.ts";
import { parseBody } from "../../src/request/parse-body.ts";
import type { RouteHints } from "../../src/routing/choose-pool.ts";
import { builtInFilters } from "../../src/routing/filters/index.ts";
import { Router } from "../../src/routing/router.ts";
import { seededRandom } from "../../src/routing/seeded-random.ts";
import { strategies as known } from "../../src/routing/strategies/catalogue.ts";

const PODS = 4;
const labelFilter = builtInFilters.find(({ name }) => name === "label");

/** Four pods p0..p3, of which p3 is old, a profile that keeps p0 for others, and one that passes over the old. */
function world(...args: string[]) {
  const table = new PodTable();
  const models = new ServedModels();
  const pools = new Pools({ table, models });
  const index = new PrefixIndex({ budgetBytes: 4 * 1024 * 1024, pods: table });
  table.reconcile(
    Array.from({ length: PODS }, (_, i) => ({
      name: `p${i}`,
      address: `10.0.0.${i}:8000`,
      labels: { n: String(i), ...(i === 3 && { old: "" }) },
    })),
  );
  const { scorers, picker } = defaultProfile();
  const keeps = (requirement: string) =>
    labelFilter === undefined ? [] : [{ filter: labelFilter, options: { requirements: [requirement] } }];
  const profiles = new Map([
    ["default", { scorers, picker, filters: [] }],
    ["spared", { scorers, picker, filters: keeps("n!=0") }],
    ["young", { scorers, picker, filters: keeps("!old") }],
  ]);
  for (const profile of profiles.keys()) {
    pools.obtain(profile, { ...defaultPoolSettings, profile }).assign(table.pods());
  }
  const faults: string[] = [];
  const scorerFaults = { threw: (name: string) => faults.push(name), outOfRange: (name: string) => faults.push(name) };
  const sources = { table, models, index, facts: () => undefined, scorerFaults };
  const lanes = buildLanes(profiles, sources);
  const config = loadConfig(serveOptions, ["--pods=10.0.0.1:1", ...args], {}, () => []);
  const strategies = buildStrategies(config, { ...sources, profiles, lanes });
  const router = new Router({ table, pools, lanes, strategies, random: seededRandom(5) });
  const set = (column: keyof typeof table.columns, ...values: number[]) => {
    for (const [i, value] of values.entries()) {
      table.columns[column][table.byAddress(`10.0.0.${i}:8000`)?.slot ?? 0] = value;
    }
  };
  return { table, router, strategies, faults, set };
}

type World = ReturnType<typeof world>;

const hints = (strategy: string, more: Readonly<Record<string, string>> = {}, pool = "default"): RouteHints => ({
  pool,
  subset: undefined,
  model: "",
  headers: { ...(strategy !== "" && { "routing-strategy": strategy }), ...more },
});

/** The pods that so many picks went to, in order. */
function picks({ router }: World, asked: RouteHints, count = 200): string[] {
  const found = new Set<string>();
  for (let i = 0; i < count; i++) {
    const decision = router.route(bodylessRequest, "scored", asked);
    found.add(decision.kind === "picked" ? `${decision.pod.name} by ${decision.strategy}` : decision.code);
  }
  return [...found].sort();
}

const by = (strategy: string, ...pods: number[]) => pods.map((n) => `p${n} by ${strategy}`);

describe("a router with strategies", () => {
  test("routes one request by its strategy and the next one without by the profile", () => {
    const it = world("--routing-strategies");
    it.set("waiting", 0, 9, 9, 9);
    it.set("kvUsage", 0.2, 0.1, 0.9, 0.9);
    expect(picks(it, hints("least-gpu-cache"))).toEqual(by("least-gpu-cache", 1));
    expect(picks(it, hints(""))).toEqual(["p0 by undefined"]);
    expect(it.faults).toEqual([]);
  });

  test("has no strategies unless they are asked for, and then passes the header over", () => {
    const it = world();
    it.set("waiting", 0, 9, 9, 9);
    expect(it.strategies).toBeUndefined();
    expect(picks(it, hints("nonsense"))).toEqual(["p0 by undefined"]);
    expect(it.router.headers).not.toContain("routing-strategy");
    expect(world("--pods-aibrix=all").strategies).toBeDefined();
  });

  test.each(Object.keys(known))("draws by lot with %s where no pod tells anything", (name) => {
    const it = world("--routing-strategies");
    expect(picks(it, hints(name))).toEqual(by(name, 0, 1, 2, 3));
    expect(it.faults).toEqual([]);
  });

  test("passes over the pods that lack the metric", () => {
    const it = world("--routing-strategies");
    it.set("gpuBusyRatio", Number.NaN, 0.9, Number.NaN, 0.8);
    expect(picks(it, hints("least-busy-time"))).toEqual(by("least-busy-time", 3));
  });

  test("takes the better of two with power-of-two, so that only the busiest never wins", () => {
    const it = world("--routing-strategies");
    it.set("inFlight", 5, 1, 2, 3);
    expect(picks(it, hints("power-of-two"))).toEqual(by("power-of-two", 1, 2, 3));
  });

  test("finds the sweet spot of a mix, and leans where the weights lean", () => {
    const it = world("--routing-strategies");
    // least-request: 1, 0, 40/49, 0; least-gpu-cache: 0, 1, 0.9, 0.
    it.set("inFlight", 1, 50, 10, 50);
    it.set("kvUsage", 1, 0, 0.1, 1);
    expect(picks(it, hints("least-request,least-gpu-cache"))).toEqual(by("least-request,least-gpu-cache", 2));
    expect(picks(it, hints("least-request:9,least-gpu-cache:1"))).toEqual(by("least-request:9,least-gpu-cache:1", 0));
    expect(picks(it, hints("least-request:1,least-gpu-cache:9"))).toEqual(by("least-request:1,least-gpu-cache:9", 1));
  });

  test("sends a prompt again to the pod that has read it, by prefix-cache", () => {
    const it = world("--routing-strategies");
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "the same words ".repeat(400) }] });
    const ask = () => {
      const request = parseBody("chat", Buffer.from(body), false);
      if ("code" in request) throw new Error(request.code);
      const decision = it.router.route(request, "scored", hints("prefix-cache"));
      it.router.learn(decision);
      return decision.kind === "picked" ? decision.pod.name : decision.code;
    };
    const first = ask();
    expect(Array.from({ length: 50 }, ask)).toEqual(new Array(50).fill(first));
  });

  test("keeps a session where its token says, and asks for one in the answer", () => {
    const it = world("--routing-strategies");
    const token = Buffer.from("10.0.0.2:8000").toString("base64");
    const asked = hints("session-affinity", { "x-session-id": token });
    expect(picks(it, asked)).toEqual(by("session-affinity", 2));
    const decision = it.router.route(bodylessRequest, "scored", asked);
    expect(decision.kind === "picked" && it.router.tokenHeaderOf(decision)).toBe("x-session-id");
    const plain = it.router.route(bodylessRequest, "scored", hints("random"));
    expect(plain.kind === "picked" && it.router.tokenHeaderOf(plain)).toBe("");
    expect(it.router.headers).toEqual(expect.arrayContaining(["x-session-id", "x-aibrix-session-key"]));
  });

  test("keeps the pool's filters, and takes a profile for a strategy", () => {
    const it = world("--routing-strategies");
    expect(picks(it, hints("random", {}, "spared"))).toEqual(by("random", 1, 2, 3));
    it.set("waiting", 0, 4, 5, 6);
    expect(picks(it, hints("spared"))).toEqual(by("spared", 1));
    expect(picks(it, hints("default"))).toEqual(by("default", 0));
  });

  test("keeps the pool's filters where a profile is named, beside that profile's own", () => {
    const it = world("--routing-strategies");
    it.set("waiting", 0, 4, 5, 6);
    expect(picks(it, hints("default", {}, "spared"))).toEqual(by("default", 1));
    expect(picks(it, hints("young", {}, "spared"))).toEqual(by("young", 1));
    it.set("waiting", 0, 6, 5, 4);
    expect(picks(it, hints("young", {}, "spared"))).toEqual(by("young", 2));
    it.set("inFlight", 0, 5, 4, 5);
    const byLoad = it.router.routeByInFlight("fault", hints("default", {}, "spared"));
    expect(byLoad).toMatchObject({ pod: { name: "p2" } });
  });

  test("learns for a named profile what the pools of that profile learn", () => {
    const it = world("--routing-strategies");
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "the same words ".repeat(400) }] });
    const request = parseBody("chat", Buffer.from(body), false);
    if ("code" in request) throw new Error(request.code);
    const first = it.router.route(request, "scored", hints("default", {}, "spared"));
    it.router.learn(first);
    const next = it.router.route(request, "scored", hints(""));
    expect(
      first.kind === "picked" && next.kind === "picked" && first.pod === next.pod && next.predictedHit,
    ).toBeGreaterThan(0);
  });

  test("narrows by the request's own filter, but not a request without a strategy", () => {
    const it = world("--routing-strategies");
    it.set("waiting", 0, 4, 5, 6);
    expect(picks(it, hints("random", { "external-filter": "old" }))).toEqual(by("random", 3));
    expect(picks(it, hints("random", { "external-filter": "new" }))).toEqual(["filter_empty"]);
    expect(picks(it, hints("", { "external-filter": "old" }))).toEqual(["p0 by undefined"]);
  });

  test("refuses what it does not know, with or without a body", () => {
    const it = world("--routing-strategies");
    expect(picks(it, hints("vtc-basic"))).toEqual(["strategy_unknown"]);
    expect(it.router.routeByInFlight("fault", hints("swift"))).toMatchObject({ code: "strategy_unknown" });
    expect(it.router.routeByInFlight("fault", hints("random"))).toMatchObject({ kind: "picked", strategy: "random" });
  });

  test("takes the default for requests that name none", () => {
    const it = world("--routing-strategies", "--routing-strategy=least-request:2,least-gpu-cache");
    it.set("inFlight", 3, 0, 3, 3);
    it.set("kvUsage", 0.5, 0.1, 0.5, 0.5);
    expect(picks(it, hints(""))).toEqual(by("least-request:2,least-gpu-cache", 1));
  });

  test("explains a pick by the strategy's own scores", () => {
    const it = world("--routing-strategies");
    it.set("inFlight", 4, 0, 2, 4);
    const { candidates } = it.router.explain(bodylessRequest, "scored", hints("least-request"), 7);
    expect(candidates.map(({ pod, scores }) => [pod, scores["least-request"]])).toEqual([
      ["p0", 0],
      ["p1", 1],
      ["p2", 0.5],
      ["p3", 0],
    ]);
  });
});

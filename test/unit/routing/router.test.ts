import { describe, expect, test } from "vitest";
import type { ColumnName } from "../../../src/pods/columns.ts";
import { type PodSpec, PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { noHints } from "../../../src/routing/choose-pool.ts";
import { FilterChain, type FilterUse } from "../../../src/routing/filter-chain.ts";
import label from "../../../src/routing/filters/label.ts";
import saturation from "../../../src/routing/filters/saturation.ts";
import { Lane } from "../../../src/routing/lane.ts";
import type { RequestColumnOwner } from "../../../src/routing/request-column-owner.ts";
import { Router } from "../../../src/routing/router.ts";
import { type ScorerUse, ScoringPlan } from "../../../src/routing/scoring-plan.ts";
import { seededRandom } from "../../../src/routing/seeded-random.ts";
import type { Scorer } from "../../../src/scorer.ts";

const scorer = (name: string, reads: readonly ColumnName[], build: Scorer["build"]): Scorer => ({
  name,
  summary: "For the test.",
  leaning: "spread",
  reads,
  options: {},
  build,
});

/** Higher column value, higher score. */
const reading = (column: ColumnName): Scorer =>
  scorer(`by-${column.toLowerCase()}`, [column], () => (pods, scores) => {
    for (let row = 0; row < pods.size; row++) scores[row] = pods[column][row]!;
  });

function setUp(uses: readonly ScorerUse[], owner?: Partial<RequestColumnOwner>, filterUses: readonly FilterUse[] = []) {
  const table = new PodTable();
  const faults: string[] = [];
  const plan = new ScoringPlan(uses, {
    threw: (name) => faults.push(`${name} threw`),
    outOfRange: (name) => faults.push(`${name} out of range`),
  });
  const owners = { prefixHit: { fill: () => {}, learn: () => undefined, ...owner } };
  const models = new ServedModels();
  const pools = new Pools({ table, models });
  const pool = pools.obtain("default", defaultPoolSettings);
  const filters = new FilterChain(table, filterUses, models);
  const lanes = new Map([["default", new Lane({ table, plan, owners, filters })]]);
  const router = new Router({ table, pools, lanes, random: seededRandom(1) });
  const hold = (specs: readonly PodSpec[]) => {
    table.reconcile(specs);
    pool.assign(table.pods());
  };
  hold(["a:1", "b:1", "c:1"].map((address) => ({ name: address, address })));
  const set = (column: "waiting" | "kvUsage" | "inFlight", values: number[]) => {
    for (const [slot, value] of values.entries()) table.columns[column][slot] = value;
  };
  return { table, hold, router, faults, set };
}

const pickedName = (decision: ReturnType<Router["route"]>) =>
  decision.kind === "picked" ? decision.pod.name : decision.code;

test("route picks the highest weighted sum", () => {
  const { router, set } = setUp([
    { scorer: reading("kvUsage"), weight: 1 },
    { scorer: reading("inFlight"), weight: 3 },
  ]);
  set("kvUsage", [1, 0.5, 0]);
  set("inFlight", [0, 0.5, 0.2]);
  expect(router.route(bodylessRequest, "scored", noHints)).toMatchObject({
    kind: "picked",
    reason: "scored",
    score: 2,
  });
  expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("b:1");
});

test("route refuses with no_pods when the table is empty", () => {
  const { hold, router } = setUp([{ scorer: reading("kvUsage"), weight: 1 }]);
  hold([]);
  expect(router.route(bodylessRequest, "scored", noHints)).toMatchObject({ kind: "refused", code: "no_pods" });
  expect(router.routeByInFlight("fault", noHints)).toMatchObject({ kind: "refused", code: "no_pods" });
});

test("route leaves unreachable pods out, and takes all of them when none is reachable", () => {
  const { table, router, set } = setUp([{ scorer: reading("kvUsage"), weight: 1 }]);
  set("kvUsage", [1, 0.5, 0]);
  table.reachable[0] = 0;
  expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("b:1");
  table.reachable.fill(0);
  expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("a:1");
});

test("route goes on without a scorer that throws, and says which", () => {
  const broken = scorer("broken", ["waiting"], () => () => {
    throw new Error("no");
  });
  const { router, faults, set } = setUp([
    { scorer: broken, weight: 9 },
    { scorer: reading("kvUsage"), weight: 1 },
  ]);
  set("kvUsage", [0, 1, 0]);
  expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("b:1");
  expect(faults).toEqual(["broken threw"]);
});

test("route clamps scores outside 0..1 and counts NaN as 0", () => {
  const wild = scorer("wild", ["waiting"], () => (_, scores) => scores.set([Number.NaN, -5, 40]));
  const { router, faults, set } = setUp([{ scorer: wild, weight: 2 }]);
  set("waiting", [0, 0, 0]);
  expect(router.route(bodylessRequest, "scored", noHints)).toMatchObject({ score: 2 });
  expect(faults).toEqual(["wild out of range"]);
});

test("route gathers pods beyond the table's first capacity", () => {
  const { table, hold, router } = setUp([{ scorer: reading("kvUsage"), weight: 1 }]);
  hold(Array.from({ length: 100 }, (_, i) => ({ name: `p${i}`, address: `p:${i}` })));
  for (const pod of table.pods()) table.columns.kvUsage[pod.slot] = pod.name === "p77" ? 1 : 0;
  expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("p77");
});

test("routeByInFlight takes the pod with the fewest requests in flight", () => {
  const { router, set } = setUp([{ scorer: reading("kvUsage"), weight: 1 }]);
  set("inFlight", [4, 2, 3]);
  const decision = router.routeByInFlight("buffer_full", noHints);
  expect(decision).toMatchObject({ reason: "buffer_full" });
  expect(pickedName(decision)).toBe("b:1");
});

test("route fills a request column only when a scorer reads it, and learn tells its owner the pick", () => {
  const calls: string[] = [];
  const owner: RequestColumnOwner = {
    fill: (_request, slots, size, out) => {
      calls.push(`fill ${[...slots.subarray(0, size)]}`);
      out[1] = 1;
    },
    learn: (slot, generation) => {
      calls.push(`learn ${slot} ${generation}`);
      return undefined;
    },
  };
  const blind = setUp([{ scorer: reading("kvUsage"), weight: 1 }], owner);
  blind.set("kvUsage", [0, 0, 0]);
  blind.router.learn(blind.router.route(bodylessRequest, "scored", noHints));
  expect(calls).toEqual([]);
  const seeing = setUp([{ scorer: reading("prefixHit"), weight: 1 }], owner);
  seeing.router.learn(seeing.router.route(bodylessRequest, "scored", noHints));
  expect(calls).toEqual(["fill 0,1,2", "learn 1 1"]);
});

test("route balances requests in flight while no candidate's reading is known, and scores as soon as one is", () => {
  const { router, set } = setUp([{ scorer: reading("kvUsage"), weight: 1 }]);
  set("inFlight", [4, 2, 3]);
  const blind = router.route(bodylessRequest, "scored", noHints);
  expect(blind).toMatchObject({ reason: "unknown_load", pod: { name: "b:1" } });
  set("kvUsage", [0.5]);
  expect(router.route(bodylessRequest, "scored", noHints)).toMatchObject({ reason: "scored", pod: { name: "a:1" } });
});

test("route leaves out pods that are set aside, unless no other answers", () => {
  const { table, router, set } = setUp([{ scorer: reading("kvUsage"), weight: 1 }]);
  set("kvUsage", [1, 0.5, 0]);
  table.setAside[0] = 1;
  expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("b:1");
  table.reachable.fill(0, 1, 3);
  expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("a:1");
});

test("route lets a newcomer take part in its share of the picks", () => {
  const { table, router, set } = setUp([{ scorer: reading("kvUsage"), weight: 1 }]);
  set("kvUsage", [1, 0, 0]);
  table.admission[0] = 0.2;
  let picked = 0;
  for (let i = 0; i < 1000; i++) if (pickedName(router.route(bodylessRequest, "scored", noHints)) === "a:1") picked++;
  expect(picked).toBeGreaterThan(150);
  expect(picked).toBeLessThan(250);
  table.reachable.fill(0, 1, 3);
  expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("a:1");
});

test("a lane hands a scorer the columns it declares and no other", () => {
  let seen: string[] = [];
  const curious = scorer("curious", ["waiting"], () => (pods, scores) => {
    seen = Object.keys(pods);
    scores.fill(1, 0, pods.size);
  });
  const { router, set } = setUp([
    { scorer: curious, weight: 1 },
    { scorer: reading("kvUsage"), weight: 1 },
  ]);
  set("waiting", [0, 0, 0]);
  router.route(bodylessRequest, "scored", noHints);
  expect(seen.sort()).toEqual(["size", "waiting"]);
});

test("route counts 0 for a row that a scorer leaves out, whatever the scorer before gave it", () => {
  const lazy = scorer("lazy", ["waiting"], () => (_, scores) => {
    scores[1] = 0.5;
  });
  const { router, faults, set } = setUp([
    { scorer: reading("kvUsage"), weight: 1 },
    { scorer: lazy, weight: 4 },
  ]);
  set("kvUsage", [1, 0.1, 1]);
  set("waiting", [0, 0, 0]);
  expect(router.route(bodylessRequest, "scored", noHints)).toMatchObject({ pod: { name: "b:1" }, score: 2.1 });
  expect(faults).toEqual(["lazy out of range"]);
});

describe("decide", () => {
  const even = { scorer: reading("kvUsage"), weight: 1 };

  test("gives the same pick and the same scores for the same request, state and seed", () => {
    const { router, set } = setUp([even, { scorer: reading("inFlight"), weight: 0.5 }]);
    set("kvUsage", [0.5, 0.5, 0.5]);
    set("inFlight", [1, 1, 1]);
    const names = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const first = router.explain(bodylessRequest, "scored", noHints, seed);
      // Whatever happens in between.
      router.learn(router.route(bodylessRequest, "scored", noHints));
      router.routeByInFlight("fault", noHints);
      expect(router.explain(bodylessRequest, "scored", noHints, seed)).toEqual(first);
      expect(router.decide(bodylessRequest, "scored", noHints, seed)).toEqual(first.decision);
      names.add(pickedName(first.decision));
    }
    // The seed is what breaks the tie.
    expect(names.size).toBe(3);
  });

  test("takes the seed that a routed decision tells, and comes to the same", () => {
    const { table, router, set } = setUp([even]);
    set("kvUsage", [0.5, 0.5, 0.5]);
    table.admission[1] = 0.5;
    for (let i = 0; i < 50; i++) {
      const routed = router.route(bodylessRequest, "scored", noHints);
      const seed = routed.kind === "picked" ? routed.seed : -1;
      expect(router.decide(bodylessRequest, "scored", noHints, seed)).toEqual(routed);
    }
  });

  test("neither learns nor counts: a pick routed before is not learnt for another request", () => {
    const learnt: number[] = [];
    const { router, faults } = setUp(
      [
        {
          scorer: scorer("wild", ["prefixHit"], () => (_, scores) => {
            scores.fill(7);
          }),
          weight: 1,
        },
      ],
      {
        learn: (slot) => {
          learnt.push(slot);
          return undefined;
        },
      },
    );
    const decided = router.decide(bodylessRequest, "scored", noHints, 1);
    router.learn(decided);
    router.explain(bodylessRequest, "scored", noHints, 1);
    expect([learnt, faults]).toEqual([[], []]);
    const routed = router.route(bodylessRequest, "scored", noHints);
    router.decide(bodylessRequest, "scored", noHints, 1);
    router.learn(routed);
    expect(learnt).toEqual([]);
    expect(faults).toEqual(["wild out of range"]);
  });

  test("explain tells the score of every candidate by scorer, and weighs a throwing one by nothing", () => {
    const broken = scorer("broken", ["waiting"], () => () => {
      throw new Error("no");
    });
    const { router, set } = setUp([
      { scorer: reading("kvUsage"), weight: 2 },
      { scorer: broken, weight: 9 },
    ]);
    set("kvUsage", [1, 0.25, 0]);
    expect(router.explain(bodylessRequest, "scored", noHints, 3)).toMatchObject({
      decision: { pod: { name: "a:1" }, score: 2, seed: 3 },
      candidates: [
        { pod: "a:1", address: "a:1", total: 2, scores: { "by-kvusage": 1, broken: 0 } },
        { pod: "b:1", address: "b:1", total: 0.5, scores: { "by-kvusage": 0.25, broken: 0 } },
        { pod: "c:1", address: "c:1", total: 0, scores: { "by-kvusage": 0, broken: 0 } },
      ],
    });
  });

  test("explain has no candidates where the request is refused", () => {
    const { hold, router } = setUp([even]);
    hold([]);
    expect(router.explain(bodylessRequest, "scored", noHints, 3)).toMatchObject({
      decision: { kind: "refused", code: "no_pods" },
      candidates: [],
    });
  });
});

describe("with filters", () => {
  const even = { scorer: reading("kvUsage"), weight: 1 };
  const decode = { filter: label as FilterUse["filter"], options: { requirements: ["role=decode"] } };
  const strict = { filter: saturation as FilterUse["filter"], options: { fallbackOnEmpty: false } };
  const pods = (roles: readonly string[]) =>
    roles.map((role, i) => ({ name: `p${i}`, address: `p:${i}`, labels: { role } }));

  test("route keeps to the pods that the facts allow, well or not", () => {
    const { table, hold, router, set } = setUp([even], undefined, [decode]);
    hold(pods(["prefill", "decode", "decode"]));
    for (const pod of table.pods()) table.columns.kvUsage[pod.slot] = pod.name === "p0" ? 1 : 0;
    const slotOf = (name: string) => table.pods().find((pod) => pod.name === name)!.slot;
    table.setAside[slotOf("p1")] = 1;
    expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("p2");
    table.setAside[slotOf("p2")] = 1;
    table.reachable[slotOf("p1")] = 0;
    expect(pickedName(router.route(bodylessRequest, "scored", noHints))).toBe("p2");
    set("inFlight", [0, 0, 0, 0, 0, 0]);
    expect(pickedName(router.routeByInFlight("buffer_full", noHints))).not.toBe("p0");
  });

  test("route refuses where the facts allow nobody, and by load too", () => {
    const { hold, router } = setUp([even], undefined, [decode]);
    hold(pods(["prefill", "prefill"]));
    expect(router.route(bodylessRequest, "scored", noHints)).toMatchObject({ kind: "refused", code: "no_pod_left" });
    expect(router.routeByInFlight("fault", noHints)).toMatchObject({ kind: "refused", code: "no_pod_left" });
  });

  test("a pod that does not answer is no way round a limit", () => {
    const { table, router, set } = setUp([even], undefined, [strict]);
    set("kvUsage", [0.9, 0.95, Number.NaN]);
    table.reachable[2] = 0;
    expect(router.route(bodylessRequest, "scored", noHints)).toMatchObject({ kind: "refused", code: "saturated" });
  });
});

test("route takes the lane of the pool's profile", () => {
  const table = new PodTable();
  const models = new ServedModels();
  const pools = new Pools({ table, models });
  table.reconcile(["a:1", "b:1"].map((address) => ({ name: address, address })));
  for (const profile of ["default", "other"])
    pools.obtain(profile, { ...defaultPoolSettings, profile }).assign(table.pods());
  table.columns.kvUsage.set([1, 0]);
  table.columns.inFlight.set([0, 1]);
  const faults = { threw: () => {}, outOfRange: () => {} };
  const lane = (column: ColumnName) =>
    new Lane({ table, plan: new ScoringPlan([{ scorer: reading(column), weight: 1 }], faults), owners: {} });
  const lanes = new Map([
    ["default", lane("kvUsage")],
    ["other", lane("inFlight")],
  ]);
  const router = new Router({ table, pools, lanes, random: seededRandom(1) });
  const picked = (pool: string) => pickedName(router.route(bodylessRequest, "scored", { ...noHints, pool }));
  expect([picked("default"), picked("other")]).toEqual(["a:1", "b:1"]);
});

test("a lane says at once that nobody fills a column its scorers read", () => {
  const plan = new ScoringPlan([{ scorer: reading("coldRank"), weight: 1 }], { threw: () => {}, outOfRange: () => {} });
  expect(() => new Lane({ table: new PodTable(), plan, owners: {} })).toThrow(
    "the column coldRank, which nobody fills",
  );
});

test("route says at once that a pool's profile does not exist", () => {
  const { table, hold } = setUp([]);
  hold([{ name: "a", address: "a:1" }]);
  const pools = new Pools({ table, models: new ServedModels() });
  pools.obtain("p", { ...defaultPoolSettings, profile: "gone" }).assign(table.pods());
  const router = new Router({ table, pools, lanes: new Map(), random: seededRandom(1) });
  expect(() => router.route(bodylessRequest, "scored", noHints)).toThrow("there is no profile gone");
});

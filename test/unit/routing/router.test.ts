import { expect, test } from "vitest";
import type { ColumnName } from "../../../src/pods/columns.ts";
import { type PodSpec, PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { noHints } from "../../../src/routing/choose-pool.ts";
import { type RequestColumnOwner, Router } from "../../../src/routing/router.ts";
import { type ScorerUse, ScoringPlan } from "../../../src/routing/scoring-plan.ts";
import { seededRandom } from "../../../src/routing/seeded-random.ts";
import type { OptionSpecs, Scorer } from "../../../src/scorer.ts";

type AnyScorer = Scorer<ColumnName, OptionSpecs>;

const scorer = (name: string, reads: readonly ColumnName[], build: AnyScorer["build"]): AnyScorer => ({
  name,
  summary: "For the test.",
  leaning: "spread",
  reads,
  options: {},
  build,
});

/** Higher column value, higher score. */
const reading = (column: ColumnName): AnyScorer =>
  scorer(`by-${column.toLowerCase()}`, [column], () => (pods, scores) => {
    for (let row = 0; row < pods.size; row++) scores[row] = pods[column][row]!;
  });

function setUp(uses: readonly ScorerUse[], owner?: Partial<RequestColumnOwner>) {
  const table = new PodTable();
  const faults: string[] = [];
  const plan = new ScoringPlan(uses, {
    threw: (name) => faults.push(`${name} threw`),
    outOfRange: (name) => faults.push(`${name} out of range`),
  });
  const owners = { prefixHit: { fill: () => {}, learn: () => {}, ...owner } };
  const models = new ServedModels();
  const pools = new Pools({ table, models });
  const pool = pools.obtain("default", defaultPoolSettings);
  const router = new Router({ table, pools, plan, owners, random: seededRandom(1) });
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
  expect(router.route(bodylessRequest, "scored", noHints)).toEqual({ kind: "refused", code: "no_pods" });
  expect(router.routeByInFlight("fault", noHints)).toEqual({ kind: "refused", code: "no_pods" });
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
    learn: (slot, generation) => calls.push(`learn ${slot} ${generation}`),
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

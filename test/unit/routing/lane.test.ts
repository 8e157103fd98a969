/** Which pods a decision names: the picked one, then those to try next. */
import { describe, expect, test } from "vitest";
import kvCache from "../../../scorers/kv-cache.ts";
import queueDepth from "../../../scorers/queue-depth.ts";
import { PodTable, type Slot } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { noHints } from "../../../src/routing/choose-pool.ts";
import type { Decision, Picked } from "../../../src/routing/decision.ts";
import { Lane } from "../../../src/routing/lane.ts";
import { builtInPickers, endpointsOf } from "../../../src/routing/pickers.ts";
import { buildPicker } from "../../../src/routing/profile.ts";
import type { RequestColumnOwner } from "../../../src/routing/request-column-owner.ts";
import { Router } from "../../../src/routing/router.ts";
import { type ScorerUse, ScoringPlan } from "../../../src/routing/scoring-plan.ts";
import type { Scorer } from "../../../src/scorer.ts";

const noFaults = { threw: () => {}, outOfRange: () => {} };
const addresses = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];

interface LaneOptions {
  readonly endpoints?: number;
  readonly picker?: string;
  /** KV use of the pods; NaN is unknown. */
  readonly kv?: readonly number[];
}

function routerOf({ endpoints = 1, picker = "best", kv = [0.4, 0.2, 0.1, 0.3] }: LaneOptions) {
  const table = new PodTable();
  table.reconcile(addresses.map((address) => ({ name: address, address })));
  table.columns.kvUsage.set(kv);
  table.columns.inFlight.set([3, 1, 0, 2]);
  const pools = new Pools({ table, models: new ServedModels() });
  pools.obtain("p", defaultPoolSettings).assign(table.pods());
  const used = builtInPickers.find(({ name }) => name === picker) ?? builtInPickers[0]!;
  const lane = new Lane({
    table,
    plan: new ScoringPlan([{ scorer: kvCache, weight: 2 }], noFaults),
    owners: {},
    pick: buildPicker({ picker: used }),
    endpoints,
  });
  return new Router({ table, pools, lanes: new Map([[defaultPoolSettings.profile, lane]]), random: Math.random });
}

const picked = (decision: Decision): Picked => {
  if (decision.kind !== "picked") throw new Error(decision.code);
  return decision;
};
const named = (decision: Decision) => {
  const { pod, fallbacks } = picked(decision);
  return [pod, ...(fallbacks ?? [])].map(({ address }) => addresses.indexOf(address) + 1);
};
const routed = (options: LaneOptions) => named(routerOf(options).route(bodylessRequest, "scored", noHints));

describe("a decision", () => {
  test("names one pod and has no list unless told otherwise", () => {
    expect(picked(routerOf({}).route(bodylessRequest, "scored", noHints)).fallbacks).toBeUndefined();
  });

  test("names the next best by score after the one picked, each once, and no more than there are", () => {
    expect(routed({ endpoints: 3 })).toEqual([3, 2, 4]);
    expect(routed({ endpoints: 9 })).toEqual([3, 2, 4, 1]);
  });

  test("puts the picker's pod first, whichever it is, and the best of the others behind it", () => {
    const seen = new Set<string>();
    for (let turn = 0; turn < 200; turn++) seen.add(routed({ endpoints: 2, picker: "random" }).join());
    expect([...seen].sort()).toEqual(["1,3", "2,3", "3,2", "4,3"]);
  });

  test("goes by requests in flight where no scorer was asked", () => {
    expect(routed({ endpoints: 4, kv: [Number.NaN, Number.NaN, Number.NaN, Number.NaN] })).toEqual([3, 2, 4, 1]);
    expect(named(routerOf({ endpoints: 4 }).routeByInFlight("buffer_full", noHints))).toEqual([3, 2, 4, 1]);
  });
});

describe("the scores of a decision", () => {
  test("are the weighted sums of all candidates", () => {
    const router = routerOf({});
    const scores = router.scoresOf(picked(router.route(bodylessRequest, "scored", noHints)));
    expect(scores.map(({ address }) => address)).toEqual(addresses);
    for (const [row, sum] of [1.2, 1.6, 1.8, 1.4].entries()) expect(scores[row]?.score).toBeCloseTo(sum);
  });

  test("are none where no scorer was asked", () => {
    const router = routerOf({});
    router.route(bodylessRequest, "scored", noHints);
    expect(router.scoresOf(picked(router.routeByInFlight("fault", noHints)))).toEqual([]);
  });
});

describe("where no candidate tells anything", () => {
  /** Prefers the first pod. */
  const sticky: Scorer = {
    name: "sticky",
    summary: "For the test.",
    leaning: "affinity",
    reads: ["prefixHit"],
    options: {},
    build: () => (pods, scores) => {
      for (let row = 0; row < pods.size; row++) scores[row] = pods["prefixHit"][row] ?? 0;
    },
  };
  function setUp(uses: readonly ScorerUse[]) {
    const learnt: number[] = [];
    const table = new PodTable();
    table.reconcile(addresses.map((address) => ({ name: address, address })));
    const pools = new Pools({ table, models: new ServedModels() });
    pools.obtain("p", defaultPoolSettings).assign(table.pods());
    const prefixHit: RequestColumnOwner = {
      fill: (_request, _slots, size, out) => {
        out.fill(0, 0, size);
        out[0] = 1;
      },
      learn: (slot) => {
        learnt.push(slot);
        return undefined;
      },
    };
    const lane = new Lane({ table, plan: new ScoringPlan(uses, noFaults), owners: { prefixHit } });
    const lanes = new Map([[defaultPoolSettings.profile, lane]]);
    const router = new Router({ table, pools, lanes, random: Math.random });
    const route = (inFlight: readonly number[]) => {
      table.columns.inFlight.set(inFlight);
      return picked(router.route(bodylessRequest, "scored", noHints));
    };
    return { table, router, route, learnt, prefixHit };
  }
  const load = [
    { scorer: kvCache, weight: 2 },
    { scorer: queueDepth, weight: 2 },
  ];

  test("the scorers that do without it still count, and learn of the pick", () => {
    const { router, route, learnt } = setUp([...load, { scorer: sticky, weight: 3 }]);
    const decision = route([0, 0, 0, 0]);
    expect(decision).toMatchObject({ reason: "unknown_load", pod: { address: addresses[0] }, score: 7 });
    expect(decision.predictedHit).toBe(1);
    expect(router.scoresOf(decision).map(({ score }) => score)).toEqual([7, 4, 4, 4]);
    router.learn(decision);
    expect(learnt).toEqual([decision.pod.slot]);
  });

  test("keeps what its owners would learn, once per decision, and nothing where they would learn nothing", () => {
    const { router, route, prefixHit } = setUp([...load, { scorer: sticky, weight: 3 }]);
    route([0, 0, 0, 0]);
    expect(router.keep()).toBeUndefined();
    const taught: number[] = [];
    prefixHit.keep = () => (slot) => {
      taught.push(slot);
      return undefined;
    };
    route([0, 0, 0, 0]);
    const lesson = router.keep();
    expect(router.keep()).toBeUndefined();
    lesson?.(2 as Slot, 1);
    expect(taught).toEqual([2]);
  });

  test("requests in flight weigh as much as the scorers they stand in for, so that one pod does not get everything", () => {
    const { table, route } = setUp([...load, { scorer: sticky, weight: 3 }]);
    const inFlight = [0, 0, 0, 0];
    for (let n = 0; n < 400; n++) inFlight[route(inFlight).pod.slot]!++;
    const [first = 0, ...others] = inFlight;
    for (const count of others) {
      expect(first).toBeGreaterThan(count);
      // 4 * (1 - count / first) is 3 where the others begin to win.
      expect(first).toBeLessThanOrEqual(4 * count + 4);
    }
    expect(table.columns.inFlight[0]).toBeGreaterThan(0);
  });

  test("a scorer that weighs more than those keeps its pod", () => {
    const { route } = setUp([...load, { scorer: sticky, weight: 100 }]);
    for (let n = 0; n < 20; n++) expect(route([50, 0, 0, 0]).pod.address).toBe(addresses[0]);
  });

  test("the least in flight is picked where nobody else has a say", () => {
    for (const uses of [load, [...load, { scorer: sticky, weight: 0 }]]) {
      const { route } = setUp(uses);
      expect(route([4, 2, 1, 3])).toMatchObject({ reason: "unknown_load", pod: { address: addresses[2] }, score: 0 });
    }
  });

  test("explain gives the sums that decided, nothing to those that had no say", () => {
    const { table, router } = setUp([...load, { scorer: sticky, weight: 3 }]);
    table.columns.inFlight.set([2, 1, 0, 0]);
    const { candidates, decision } = router.explain(bodylessRequest, "scored", noHints, 1);
    expect(candidates.map(({ total }) => total)).toEqual([3, 2, 4, 4]);
    expect(candidates[1]?.scores).toEqual({ "kv-cache": 0, "queue-depth": 0, sticky: 0, "unknown-load": 0.5 });
    expect(picked(decision).score).toBe(4);
  });

  test("one known reading brings all scorers back", () => {
    const { table, route } = setUp([...load, { scorer: sticky, weight: 3 }]);
    table.columns.waiting[1] = 5;
    expect(route([0, 0, 0, 0]).reason).toBe("scored");
  });
});

test("endpointsOf: every picker takes the option, and names one pod without it", () => {
  for (const picker of builtInPickers) {
    expect([endpointsOf(picker), endpointsOf(picker, { endpoints: 3 })]).toEqual([1, 3]);
  }
});

import { expect, test } from "vitest";
import { DecisionTrace } from "../../../src/observe/decision-trace.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import type { Picked } from "../../../src/routing/decision.ts";

const table = new PodTable();
table.reconcile([{ name: "a", address: "10.0.0.1:8000" }]);
const pool = new Pools({ table, models: new ServedModels() }).obtain("p", defaultPoolSettings);

function decision(more: Partial<Picked> = {}): Picked {
  const [pod] = table.pods();
  const plain = { kind: "picked", pool, reason: "scored", score: 0.5, model: "m", seed: 1 } as const;
  return { ...plain, pod: pod!, predictedHit: Number.NaN, uncachedTokens: 0, ...more };
}

test("DecisionTrace tells the latest decisions, newest first, each with what was special about it", () => {
  const trace = new DecisionTrace(2);
  trace.add(0, decision(), 1, false);
  trace.add(1_000, decision({ priority: -1 }), 0.12345, true);
  trace.add(2_000, decision({ rewrite: { target: "t", by: "config", outcome: "written" } }), 2, false);
  const common = { pool: "p", pod: "a", address: "10.0.0.1:8000", reason: "scored", score: 0.5, model: "m" };
  expect(trace.latest()).toEqual([
    {
      ...common,
      id: expect.stringMatching(/-2$/),
      at: "1970-01-01T00:00:02.000Z",
      target: "t",
      rewrite: "written",
      milliseconds: 2,
      shadow: false,
    },
    {
      ...common,
      id: expect.stringMatching(/-1$/),
      at: "1970-01-01T00:00:01.000Z",
      priority: -1,
      milliseconds: 0.123,
      shadow: true,
    },
  ]);
});

test("DecisionTrace tells by pod how many of the kept picks it got and what it was believed to hold", () => {
  const trace = new DecisionTrace(4);
  trace.add(0, decision({ predictedHit: 0 }), 1, false);
  for (const predictedHit of [0.5, 1, Number.NaN]) trace.add(0, decision({ predictedHit }), 1, false);
  trace.add(0, decision({ predictedHit: 0 }), 1, true);
  expect(trace.picksByPod()).toEqual(new Map([["10.0.0.1:8000", { recentPicks: 3, prefixHit: 0.75 }]]));
  const unasked = new DecisionTrace(4);
  unasked.add(0, decision(), 1, false);
  expect(unasked.picksByPod().get("10.0.0.1:8000")).toEqual({ recentPicks: 1, prefixHit: null });
});

const noTrail = { lane: undefined, pool: undefined, among: undefined, request: undefined };

test("DecisionTrace lists refusals as such, with what they were for", () => {
  const trace = new DecisionTrace(2);
  trace.add(0, { kind: "refused", code: "no_pods", pool, model: "m" }, 1, false, noTrail);
  expect(trace.latest()).toMatchObject([
    { pool: "p", model: "m", pod: null, address: null, reason: "no_pods", refused: true, score: null, milliseconds: 1 },
  ]);
});

test("DecisionTrace lists a foreseen pick once, and only where it stood", () => {
  const trace = new DecisionTrace(4);
  const [stood, replaced] = [decision({ model: "stood" }), decision({ model: "replaced" })];
  trace.foresee(0, stood, noTrail);
  trace.foresee(0, replaced, noTrail);
  expect(trace.latest()).toEqual([]);
  trace.add(1_000, decision({ model: "another" }), 1, false, noTrail);
  trace.add(1_000, stood, 1, false, noTrail);
  expect(trace.latest()).toMatchObject([{ model: "another" }, { model: "stood", at: "1970-01-01T00:00:00.000Z" }]);
});

test("DecisionTrace explains by id what it keeps, and nothing of another process", () => {
  const trace = new DecisionTrace(1);
  const id = trace.idOf(trace.add(0, decision(), 1, false, noTrail));
  expect(trace.explanation(id)).toMatchObject({ id, pool: "p", outcome: { kind: "picked", pod: "a" } });
  expect(new DecisionTrace(1).explanation(id)).toBeUndefined();
  trace.add(0, decision(), 1, false, noTrail);
  expect(trace.explanation(id)).toBeUndefined();
});

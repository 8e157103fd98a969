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
    { ...common, at: "1970-01-01T00:00:02.000Z", target: "t", rewrite: "written", milliseconds: 2, shadow: false },
    { ...common, at: "1970-01-01T00:00:01.000Z", priority: -1, milliseconds: 0.123, shadow: true },
  ]);
});

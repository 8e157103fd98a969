import { describe, expect, test } from "vitest";
import { PickPhases } from "../../../src/ext-proc/pick-phases.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { PickReport } from "../../../src/observe/pick-report.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import type { Picked } from "../../../src/routing/decision.ts";
import { sumOf } from "../../support/picker-process.ts";

function rig() {
  const metrics = new Metrics("1.0.0");
  const report = new PickReport(metrics.instruments);
  const table = new PodTable();
  table.reconcile(["a:1", "b:1"].map((address) => ({ name: address.slice(0, 1), address })));
  const pools = new Pools({ table, models: new ServedModels() });
  const pool = pools.obtain("p", defaultPoolSettings);
  pool.assign(table.pods());
  pool.lists = (model) => model.startsWith("known");
  report.readFrom(table);
  const [pod] = table.pods();
  const given = { kind: "picked", pod, pool, reason: "scored", score: 0, model: "known", seed: 1 };
  const picked = (more: Partial<Picked>) =>
    report.picked({ ...given, predictedHit: Number.NaN, uncachedTokens: 0, ...more } as Picked);
  const sum = async (name: string, labels: Record<string, string> = {}) => sumOf(await metrics.render(), name, labels);
  return { metrics, report, table, picked, sum };
}

describe("PickReport.picked", () => {
  test("counts by pool and reason, by model and by pod", async () => {
    const { picked, sum, table } = rig();
    picked({});
    picked({ reason: "no_prompt", model: "" });
    picked({ pod: table.pods()[1]! });
    expect(await sum("pointsman_picks_total", { pool: "p", reason: "scored" })).toBe(2);
    expect(await sum("pointsman_picks_total", { pool: "p", reason: "no_prompt" })).toBe(1);
    expect(await sum("pointsman_model_picks_total", { pool: "p", model: "known" })).toBe(2);
    expect(await sum("pointsman_model_picks_total", { pool: "p", model: "" })).toBe(1);
    expect(await sum("pointsman_pod_picks_total", { pod: "a", address: "a:1" })).toBe(2);
    expect(await sum("pointsman_pod_picks_total", { pod: "b" })).toBe(1);
  });

  test("folds models that no pod lists to other, however many clients make up", async () => {
    const { picked, sum, metrics } = rig();
    for (let i = 0; i < 1000; i++) picked({ model: `made-up-${i}` });
    picked({ model: "other" });
    expect(await sum("pointsman_model_picks_total", { model: "other" })).toBe(1001);
    expect((await metrics.render()).match(/^pointsman_model_picks_total\{/gm)).toHaveLength(1);
  });

  test("counts a renamed request for the name that the pods know, and one that kept its name for that", async () => {
    const { picked, sum } = rig();
    picked({ model: "alias", rewrite: { target: "known-1", by: "config", outcome: "written" } });
    picked({ model: "alias", rewrite: { target: "known-1", by: "config", outcome: "unread" } });
    expect(await sum("pointsman_model_picks_total", { model: "known-1" })).toBe(1);
    expect(await sum("pointsman_model_picks_total", { model: "other" })).toBe(1);
  });

  test("tells picks that go by less than the request says, at zero before there is one", async () => {
    const { picked, sum, metrics } = rig();
    expect(await metrics.render()).toContain('\npointsman_degraded_picks_total{reason="fault"} 0\n');
    for (const reason of ["fault", "fault", "unknown_load", "scored", "no_prompt", "body_unseen"] as const) {
      picked({ reason });
    }
    expect(await sum("pointsman_degraded_picks_total")).toBe(3);
    expect(await sum("pointsman_degraded_picks_total", { reason: "fault" })).toBe(2);
  });
});

test("PickReport.answered counts tokens by pod where both are known, and tells nothing of pods before that", async () => {
  const { report, table, sum, metrics } = rig();
  const [a, b] = table.pods();
  report.answered(a!, 100, 40);
  report.answered(a!, 10, 0);
  report.answered(b!, 100, Number.NaN);
  expect(await sum("pointsman_pod_prompt_tokens_total", { pod: "a" })).toBe(110);
  expect(await sum("pointsman_pod_cached_tokens_total", { pod: "a" })).toBe(40);
  expect(await metrics.render()).not.toMatch(/^pointsman_pod_(prompt|cached)_tokens_total\{pod="b"/m);
});

test("PickReport.timed puts each phase where it belongs", async () => {
  const { report, sum } = rig();
  const phases = new PickPhases();
  phases.begin(1000, 1500);
  Object.assign(phases, { readAtMs: 1600, decidedAtMs: 1620, repliedAtMs: 1623, learntAtMs: 1624 });
  report.timed(phases);
  const seconds = (phase: string) => sum("pointsman_pick_phase_seconds_sum", { phase });
  expect(await seconds("wait")).toBeCloseTo(0.5, 9);
  expect(await seconds("read")).toBeCloseTo(0.1, 9);
  expect(await seconds("route")).toBeCloseTo(0.02, 9);
  expect(await seconds("reply")).toBeCloseTo(0.003, 9);
  expect(await seconds("learn")).toBeCloseTo(0.001, 9);
});

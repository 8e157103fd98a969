import { Writable } from "node:stream";
import pino from "pino";
import { beforeEach, describe, expect, test } from "vitest";
import type { Served } from "../../../src/ext-proc/watched.ts";
import { DecisionTrace } from "../../../src/observe/decision-trace.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { ShadowReport } from "../../../src/observe/shadow-report.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import type { Picked } from "../../../src/routing/decision.ts";

const table = new PodTable();
table.reconcile(["a", "b", "idle"].map((name, at) => ({ name, address: `10.0.0.${at + 1}:8000` })));
const [a, b] = table.pods();
const pool = new Pools({ table, models: new ServedModels() }).obtain("p", defaultPoolSettings);

const pickOfA = (): Picked => ({
  ...{ kind: "picked", pod: a!, pool, reason: "scored", score: 0, model: "m", seed: 1 },
  ...{ predictedHit: Number.NaN, uncachedTokens: 0 },
});

describe("ShadowReport", () => {
  let metrics: Metrics;
  let trace: DecisionTrace;
  let said: string[];
  let report: ShadowReport;

  beforeEach(() => {
    metrics = new Metrics("test");
    trace = new DecisionTrace(4);
    said = [];
    const write = (line: string, _encoding: string, done: () => void) => {
      said.push(JSON.parse(line).msg);
      done();
    };
    const log = pino({}, new Writable({ decodeStrings: false, write }));
    report = new ShadowReport(log, metrics.instruments, trace);
    report.readFrom(table);
  });

  const samples = async (name: string) =>
    (await metrics.render()).split("\n").filter((line) => line.startsWith(`pointsman_${name}{`));

  test("counts each request by what its would-be pick came to", async () => {
    for (const served of [a!, a!, b!, "foreign", "unseen"] satisfies Served[]) report.watched(pickOfA(), served);
    report.watched({ kind: "refused", code: "no_pods" }, b!);
    expect(await samples("shadow_answers_total")).toEqual([
      'pointsman_shadow_answers_total{pool="p",pick="same"} 2',
      'pointsman_shadow_answers_total{pool="p",pick="other"} 1',
      'pointsman_shadow_answers_total{pool="p",pick="foreign"} 1',
      'pointsman_shadow_answers_total{pool="p",pick="unseen"} 1',
      'pointsman_shadow_answers_total{pool="",pick="refused"} 1',
    ]);
  });

  test("counts by pod where requests would have gone and where they went, and tells nothing of other pods", async () => {
    for (const served of [a!, b!, b!]) report.watched(pickOfA(), served);
    expect(await samples("pod_shadow_picks_total")).toEqual([
      'pointsman_pod_shadow_picks_total{pod="a",address="10.0.0.1:8000"} 3',
      'pointsman_pod_shadow_picks_total{pod="b",address="10.0.0.2:8000"} 0',
    ]);
    expect(await samples("pod_shadow_served_total")).toEqual([
      'pointsman_pod_shadow_served_total{pod="a",address="10.0.0.1:8000"} 1',
      'pointsman_pod_shadow_served_total{pod="b",address="10.0.0.2:8000"} 2',
    ]);
  });

  test("writes who served beside the decision in the trace", () => {
    const [told, untold] = [pickOfA(), pickOfA()];
    for (const decision of [untold, told]) trace.add(0, decision, 1, true);
    report.watched(told, b!);
    report.watched(untold, "unseen");
    expect(trace.latest()).toEqual([
      expect.objectContaining({ address: "10.0.0.1:8000", served: "10.0.0.2:8000" }),
      expect.not.objectContaining({ served: expect.anything() }),
    ]);
  });

  test("says once each what the filter or the list of pods lacks", () => {
    for (const served of ["unseen", "foreign", "unseen", "foreign"] satisfies Served[])
      report.watched(pickOfA(), served);
    expect(said).toEqual([expect.stringContaining("upstream.address"), expect.stringContaining("no pod of ours")]);
  });
});

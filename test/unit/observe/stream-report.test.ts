import { Writable } from "node:stream";
import pino from "pino";
import { beforeEach, describe, expect, test } from "vitest";
import type { AnsweredRequest } from "../../../src/ext-proc/stream-host.ts";
import { DecisionTrace } from "../../../src/observe/decision-trace.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { StreamReport } from "../../../src/observe/stream-report.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import type { ModelRewrite } from "../../../src/routing/decision.ts";
import { sumOf } from "../../support/picker-process.ts";
import { noUsage, usageOf } from "../../support/recorded-answers.ts";

let metrics: Metrics;
let said: { level: number; msg: string }[];
let report: StreamReport;

beforeEach(() => {
  metrics = new Metrics("test");
  said = [];
  const write = (line: string, _encoding: string, done: () => void) => {
    said.push(JSON.parse(line));
    done();
  };
  const log = pino({}, new Writable({ decodeStrings: false, write }));
  report = new StreamReport({ log, instruments: metrics.instruments, trace: new DecisionTrace(1), now: () => 0 });
});

const table = new PodTable();
table.reconcile([{ name: "a", address: "10.0.0.1:8000" }]);
const [pod] = table.pods();

function answered(answer: Partial<AnsweredRequest>): void {
  const { NaN: unknown } = Number;
  const plain = {
    usage: noUsage,
    unread: undefined,
    ttftMs: unknown,
    tpotMs: unknown,
    model: "m",
    predictedHit: unknown,
  };
  report.answered({ ...plain, pod: pod!, ...answer });
}

async function counts(name: string, labels: readonly string[], label = "source"): Promise<number[]> {
  const page = await metrics.render();
  return labels.map((value) => sumOf(page, `pointsman_${name}`, { [label]: value }));
}

describe("StreamReport.answered", () => {
  test("adds up tokens, and adds nothing of what is unknown", async () => {
    answered({ usage: usageOf(100, 64, 7) });
    answered({ usage: usageOf(50, Number.NaN, 3) });
    answered({ usage: usageOf(Number.NaN, Number.NaN, 2) });
    const page = await metrics.render();
    const names = ["prompt", "cached", "completion"].map((name) => sumOf(page, `pointsman_${name}_tokens_total`));
    expect(names).toEqual([150, 64, 12]);
  });

  test("sets what was predicted of the cache against what the pod reports, where both are known", async () => {
    answered({ usage: usageOf(100, 64, 7), predictedHit: 0.5 });
    answered({ usage: usageOf(100, 16, 7), predictedHit: 0.75 });
    answered({ usage: usageOf(100, 90, 7) });
    answered({ usage: usageOf(100, Number.NaN, 7), predictedHit: 1 });
    expect(await counts("prefix_hit_tokens_total", ["predicted", "reported", "both"])).toEqual([125, 80, 66]);
  });

  test("counts each answer without usage by its reason, and says each reason once", async () => {
    for (const unread of ["encoded", "encoded", "absent", "absent", "encoded"] as const) answered({ unread });
    expect(await counts("usage_unread_total", ["encoded", "absent", "cut"], "why")).toEqual([3, 2, 0]);
    expect(said.map(({ level, msg }) => [level, msg])).toEqual([
      [40, expect.stringContaining("compressed, which is left alone")],
      [30, expect.stringContaining("only who asks for it gets it")],
    ]);
  });

  test("spreads the times over buckets, where they are known", async () => {
    answered({ ttftMs: 30, tpotMs: 12 });
    answered({ ttftMs: 30 });
    answered({});
    const page = await metrics.render();
    const buckets = (["0.025", "0.05"] as const).map((le) => sumOf(page, "pointsman_ttft_seconds_bucket", { le }));
    expect(buckets).toEqual([0, 2]);
    expect(sumOf(page, "pointsman_tpot_seconds_sum")).toBeCloseTo(0.012, 9);
  });
});

describe("StreamReport of renamed requests", () => {
  const pool = new Pools({ table, models: new ServedModels() }).obtain("p", defaultPoolSettings);
  const picked = (rewrite: ModelRewrite, shadow = false) =>
    report.picked(
      {
        ...{ kind: "picked", pod: pod!, pool, reason: "scored", score: 0, model: "m", seed: 1, rewrite },
        ...{ predictedHit: Number.NaN, uncachedTokens: 0 },
      },
      1,
      shadow,
      "",
    );

  test("counts them by rule, target and outcome; what a client writes is no label, what is only watched no count", async () => {
    picked({ target: "x", by: "ns/r", outcome: "written" });
    picked({ target: "x", by: "ns/r", outcome: "written" });
    for (const target of ["a", "b"]) picked({ target, by: "header", outcome: "unseen" });
    picked({ target: "x", by: "ns/r", outcome: "written" }, true);
    const lines = (await metrics.render())
      .split("\n")
      .filter((line) => line.startsWith("pointsman_model_rewrites_total"));
    expect(lines).toEqual([
      'pointsman_model_rewrites_total{rule="ns/r",target="x",outcome="written"} 2',
      'pointsman_model_rewrites_total{rule="header",target="",outcome="unseen"} 2',
    ]);
    expect(said.map(({ msg }) => msg)).toEqual([expect.stringContaining("kept its name: the body was not seen")]);
  });

  test("counts how the client's name came back, and says once where it did not", async () => {
    for (const how of ["restored", "hidden", "hidden", "absent"] as const) report.namedBack(how);
    expect(await counts("model_names_total", ["restored", "hidden", "absent"], "outcome")).toEqual([1, 2, 1]);
    expect(said.map(({ msg }) => msg)).toEqual([expect.stringContaining("with the target's name")]);
  });
});

describe("StreamReport.answersUnseen", () => {
  test("says each mode once, and what to change", () => {
    for (const mode of ["none", "none", "buffered"] as const) report.answersUnseen(mode);
    expect(said).toMatchObject([{ mode: "none" }, { mode: "buffered" }]);
    expect(said[0]?.msg).toContain("use STREAMED");
  });
});

import { beforeEach, describe, expect, test } from "vitest";
import { labelCaps } from "../../../src/observe/go-label-caps.ts";
import { GoReport } from "../../../src/observe/go-report.ts";
import { ALWAYS } from "../../../src/rewrite/rewrite-rules.ts";
import { type RiggedStream, StreamRig } from "../../support/stream-rig.ts";

let rig: StreamRig;
let report: GoReport;

beforeEach(() => {
  rig = new StreamRig({ pods: ["10.0.0.1:8000"] });
  report = new GoReport({
    now: () => rig.clockMs,
    isKnownModel: (model) => rig.rewrites.mentions(model),
    namespaceOf: (pool) => `of-${pool}`,
  });
  Object.assign(rig.host, { openRecord: () => report.open() });
});

/** The samples of a family that are not 0, without buckets. */
function samples(name: keyof GoReport["families"], more = ""): string[] {
  const lines = report.families[name].text().split("\n");
  return lines.filter(
    (line) => /^[a-z]/.test(line) && !line.includes("_bucket") && !/ 0$/.test(line) && line.includes(more),
  );
}

const M = 'fairness_id="default-flow",model_name="m",priority="0",target_model_name="m"';
const OLD = 'model_name="m",target_model_name="m"';

function asked(headers: Readonly<Record<string, string>> = {}, model = "m"): RiggedStream {
  const body = JSON.stringify({ model, prompt: "Hello" });
  const stream = rig.open();
  stream.headers("BUFFERED", { response: "STREAMED", headers: { "content-length": "30", ...headers } });
  return stream.body(body);
}

function answerHeaders(stream: RiggedStream, status: string, type = "application/json"): RiggedStream {
  const headers = { headers: [":status", status, "content-type", type] };
  const pairs = headers.headers.flatMap((key, i, all) =>
    i % 2 === 0 ? [{ key, raw_value: Buffer.from(all[i + 1]!) }] : [],
  );
  return stream.send({ response_headers: { headers: { headers: pairs }, end_of_stream: false } });
}

const usage = '"usage":{"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":64}}';

describe("a request whose answer comes whole", () => {
  beforeEach(() => {
    const stream = asked();
    rig.advance(1000);
    answerHeaders(stream, "200");
    rig.advance(500);
    stream.send({ response_body: { body: Buffer.from(`{"choices":[{}],${usage}}`), end_of_stream: true } });
    rig.advance(100);
    stream.stream.onHalfClose();
  });

  test("is counted once, as the older names have it too", () => {
    expect(samples("requests")).toEqual([
      `llm_d_epp_request_total{${M}} 1`,
      'inference_objective_request_total{model_name="m",priority="0",target_model_name="m"} 1',
    ]);
    expect(samples("requestErrors")).toEqual([]);
    expect(samples("running")).toEqual([]);
  });

  test("lasts from its headers to the end of its answer", () => {
    expect(samples("requestSeconds")).toEqual([
      `llm_d_epp_request_duration_seconds_sum{${M}} 1.5`,
      `llm_d_epp_request_duration_seconds_count{${M}} 1`,
      `inference_objective_request_duration_seconds_sum{${OLD}} 1.5`,
      `inference_objective_request_duration_seconds_count{${OLD}} 1`,
    ]);
    expect(samples("ntpotSeconds", "llm_d")).toEqual([
      `llm_d_epp_request_ntpot_seconds_sum{${M}} 0.3`,
      `llm_d_epp_request_ntpot_seconds_count{${M}} 1`,
    ]);
  });

  test("has its first bytes at its end, and no time per token", () => {
    const labels = 'fairness_id="default-flow",model_name="m",priority="0",streaming="false",target_model_name="m"';
    expect(samples("ttftSeconds")).toEqual([
      `llm_d_epp_request_ttft_seconds_sum{${labels}} 1.5`,
      `llm_d_epp_request_ttft_seconds_count{${labels}} 1`,
    ]);
    expect(samples("tpotSeconds")).toEqual([]);
    expect(samples("itlSeconds")).toEqual([]);
  });

  test("has its bytes and tokens counted", () => {
    const sums = (["requestBytes", "responseBytes", "inputTokens", "outputTokens", "cachedTokens"] as const).map(
      (name) => samples(name, "llm_d").map((line) => Number(line.split(" ")[1])),
    );
    const answer = `{"choices":[{}],${usage}}`.length;
    expect(sums).toEqual([
      [JSON.stringify({ model: "m", prompt: "Hello" }).length, 1],
      [answer, 1],
      [100, 1],
      [5, 1],
      [64, 1],
    ]);
  });

  test("is an attempt at a pod, and one decision", () => {
    expect(samples("attempts")).toEqual([
      'llm_d_epp_scheduler_attempts_total{endpoint_name="10.0.0.1:8000",namespace="of-default",port="8000",status="success",target_model_name="m"} 1',
      'inference_extension_scheduler_attempts_total{namespace="of-default",pod_name="10.0.0.1:8000",port="8000",status="success",target_model_name="m"} 1',
    ]);
    expect(samples("schedulerSeconds", "_count")).toEqual([
      "llm_d_epp_scheduler_e2e_duration_seconds_count 1",
      "inference_extension_scheduler_e2e_duration_seconds_count 1",
    ]);
    expect(samples("requestProcessing", "_count")).toEqual(["llm_d_epp_request_processing_duration_seconds_count 1"]);
  });

  test("keeps the picker busy from its answer's headers to its end, on one stream that ends well", () => {
    expect(samples("responseProcessing")).toEqual([
      "llm_d_epp_response_processing_duration_seconds_sum 0.5",
      "llm_d_epp_response_processing_duration_seconds_count 1",
    ]);
    expect(samples("streams")).toEqual(['llm_d_epp_extproc_streams_total{code="OK"} 1']);
    expect(samples("streamSeconds", "_sum")).toEqual(["llm_d_epp_extproc_stream_duration_seconds_sum 1.6"]);
  });
});

test("a request whose answer is streamed has times per token and between pieces, each gap counted", () => {
  const stream = answerHeaders(asked(), "200", "text/event-stream");
  for (const _ of [1, 2, 3]) {
    rig.advance(200);
    const event = 'data: {"choices":[{"index":0,"text":"a"}]}\n\n';
    stream.send({ response_body: { body: Buffer.from(event), end_of_stream: false } });
  }
  rig.advance(100);
  const last = `data: {"choices":[],${usage}}\n\ndata: [DONE]\n\n`;
  stream.send({ response_body: { body: Buffer.from(last), end_of_stream: true } });
  stream.stream.onHalfClose();
  expect(samples("ttftSeconds", 'streaming="true"')[0]).toMatch(/_sum.* 0\.2$/);
  // 500 ms behind the first bytes for four tokens more, in three gaps.
  expect(samples("tpotSeconds", "_sum")[0]).toMatch(/ 0\.125$/);
  expect(samples("itlSeconds").map((line) => Number(line.split(" ")[1]))).toEqual([expect.closeTo(0.5, 9), 3]);
  expect(samples("requestSeconds", "_sum")[0]).toMatch(/ 0\.7$/);
});

test("a request runs until its stream ends, however it does", () => {
  const [one, two] = [asked(), asked({ "x-llm-d-inference-fairness-id": "t" })];
  const running = (tenant: string) =>
    `llm_d_epp_request_running{fairness_id="${tenant}",model_name="m",priority="0",target_model_name="m"} 1`;
  expect(samples("running")).toEqual([
    running("default-flow"),
    running("t"),
    'inference_objective_running_requests{model_name="m"} 2',
  ]);
  one.stream.onHalfClose();
  two.stream.onCancel();
  expect(samples("running")).toEqual([]);
  expect(samples("streams")).toContain('llm_d_epp_extproc_streams_total{code="Canceled"} 1');
});

test("a request that breaks off has no duration, one whose answer is not shown has the stream's", () => {
  asked().stream.onCancel();
  expect(samples("requestSeconds")).toEqual([]);
  const stream = rig.open().headers("FULL_DUPLEX_STREAMED", { response: "FULL_DUPLEX_STREAMED" });
  stream.body(JSON.stringify({ model: "m", prompt: "Hello" }));
  rig.advance(3000);
  stream.stream.onHalfClose();
  expect(samples("requestSeconds", "_sum")[0]).toMatch(/ 3$/);
  expect(samples("responseBytes")).toEqual([]);
});

test("an answer of 400 or more is an error of the pod", () => {
  answerHeaders(asked(), "503").stream.onHalfClose();
  expect(samples("requestErrors")).toEqual([
    `llm_d_epp_request_error_total{error_code="ModelServerError",${M}} 1`,
    `inference_objective_request_error_total{error_code="ModelServerError",${OLD}} 1`,
  ]);
});

test("a refusal is an error by the Go picker's word, and an attempt that failed", () => {
  rig.pools.byName("default")!.assign([]);
  asked();
  expect(samples("requests")).toEqual([]);
  expect(samples("requestErrors", "llm_d")).toEqual([
    `llm_d_epp_request_error_total{error_code="ServiceUnavailable",${M}} 1`,
  ]);
  expect(samples("attempts", "llm_d")).toEqual([
    'llm_d_epp_scheduler_attempts_total{endpoint_name="",namespace="",port="",status="failure",target_model_name="m"} 1',
  ]);
});

test("what the picked pod was believed to hold is told as a share and in bytes, nothing where nobody asked", () => {
  const [pod] = rig.table.pods();
  const picked = {
    kind: "picked",
    pod: pod!,
    pool: rig.pools.byName("default")!,
    reason: "scored",
    score: 1,
    seed: 1,
  } as const;
  // Of 100 tokens 75 are cached.
  report.picked({ ...picked, model: "m", predictedHit: 0.75, uncachedTokens: 25 }, 1, "", undefined);
  report.picked({ ...picked, model: "m", predictedHit: Number.NaN, uncachedTokens: 25 }, 1, "", undefined);
  const plugin = 'plugin_name="approx-prefix-cache-producer",plugin_type="approx-prefix-cache-producer"';
  expect(samples("hitRatio")).toEqual([
    `llm_d_epp_prefix_indexer_hit_ratio_sum{${plugin}} 0.75`,
    `llm_d_epp_prefix_indexer_hit_ratio_count{${plugin}} 1`,
    "inference_extension_prefix_indexer_hit_ratio_sum 0.75",
    "inference_extension_prefix_indexer_hit_ratio_count 1",
  ]);
  expect(samples("hitBytes", "_sum")[1]).toBe("inference_extension_prefix_indexer_hit_bytes_sum 300");
});

test("a refusal before any pod was looked for is no attempt", () => {
  const stream = rig.open().headers("BUFFERED");
  stream.body("{}");
  expect(samples("requestErrors", "llm_d")[0]).toContain(
    'error_code="BadRequest",fairness_id="default-flow",model_name=""',
  );
  expect(samples("attempts")).toEqual([]);
});

test("a request without a body is none to the Go picker, and neither is a shadowed one", () => {
  rig.open().headers("NONE", { path: "/version", end: true }).stream.onHalfClose();
  const body = JSON.stringify({ model: "m", prompt: "Hello" });
  rig.open().headers("STREAMED", { shadow: true }).body(body, true, true).stream.onHalfClose();
  expect(samples("requests")).toEqual([]);
  expect(samples("attempts")).toEqual([]);
  expect(samples("streams")).toEqual(['llm_d_epp_extproc_streams_total{code="OK"} 2']);
});

test("priorities and tenants have label sets of their own, and their tickets are noted until they are over", () => {
  rig.objectives.set("default", new Map([["batch", -10]]));
  const stream = asked({ "x-llm-d-inference-fairness-id": "t", "x-llm-d-inference-objective": "batch" });
  asked();
  expect(samples("requests", "llm_d")).toEqual([
    'llm_d_epp_request_total{fairness_id="t",model_name="m",priority="-10",target_model_name="m"} 1',
    `llm_d_epp_request_total{${M}} 1`,
  ]);
  expect(report.flows.loads(rig.table)).toEqual([
    expect.objectContaining({ tenant: "t", priority: "-10", requests: 1 }),
  ]);
  stream.stream.onHalfClose();
  expect(report.flows.loads(rig.table)).toEqual([]);
});

test("a rewritten request has both names, and the decision of its rule is counted", () => {
  const rules = [{ models: ["m"], targets: [{ model: "m-v2" }] }];
  rig.rewrites.set("x", [{ name: "team/canary", pool: "", createdAtMs: ALWAYS, rules }]);
  asked();
  expect(samples("requests", "llm_d")[0]).toContain('model_name="m",priority="0",target_model_name="m-v2"} 1');
  expect(samples("rewrites", "llm_d")).toEqual([
    'llm_d_epp_model_rewrite_decisions_total{model_name="m",model_rewrite_name="canary",target_model="m-v2"} 1',
  ]);
});

test("beyond 100 unknown models the others share a label, but for those that rules name", () => {
  rig.rewrites.set("x", [
    { name: "r", pool: "", createdAtMs: ALWAYS, rules: [{ models: ["named"], targets: [{ model: "target" }] }] },
  ]);
  for (let i = 0; i < 103; i++) asked({}, `model-${i}`).stream.onHalfClose();
  asked({}, "named");
  expect(samples("requests", 'llm_d_epp_request_total{fairness_id="default-flow",model_name="other"')).toEqual([
    'llm_d_epp_request_total{fairness_id="default-flow",model_name="other",priority="0",target_model_name="other"} 3',
  ]);
  expect(samples("requests", 'model_name="named",priority="0",target_model_name="target"')).toHaveLength(2);
});

test("a flood of models and tenants leaves the page as large as the caps allow", () => {
  const answered = (tenant: string, model: string) => {
    const stream = answerHeaders(asked({ "x-llm-d-inference-fairness-id": tenant }, model), "200");
    stream.send({ response_body: { body: Buffer.from(`{"choices":[{}],${usage}}`), end_of_stream: true } });
    stream.stream.onHalfClose();
  };
  for (let i = 0; i < 600; i++) answered(`t${i % 30}`, `m${Math.floor(i / 30)}`);
  expect(samples("requests", "llm_d")).toHaveLength(labelCaps.cells + 1);
  rig.pools.byName("default")!.assign([]);
  for (let i = 0; i < 600; i++) asked({ "x-llm-d-inference-fairness-id": `t${i % 30}` }, `m${Math.floor(i / 30)}`);
  expect(samples("requestErrors", "llm_d").length).toBeLessThanOrEqual(labelCaps.refusals + 1);
  const bytes = Object.values(report.families).reduce((sum, family) => sum + family.text().length, 0);
  expect(bytes).toBeLessThan(8_000_000);
});

test("beyond 500 pairs of pods and unknown models their attempts are told under one model", () => {
  const pods = Array.from({ length: 10 }, (_, i) => `10.0.1.${i}:8000`);
  rig = new StreamRig({ pods });
  for (const pod of rig.table.pods()) {
    for (let i = 0; i < 80; i++) {
      const picked = { kind: "picked", pod, pool: rig.pools.byName("default")!, reason: "scored", score: 1, seed: 1 };
      report.picked({ ...picked, model: `m${i}`, predictedHit: Number.NaN } as never, 1, "", undefined);
    }
  }
  const attempts = samples("attempts", "llm_d");
  expect(attempts.filter((line) => !line.includes('"other"'))).toHaveLength(500);
  expect(attempts.length).toBeLessThanOrEqual(500 + pods.length);
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PickPhases } from "../../../../src/ext-proc/pick-phases.ts";
import { parseTraceParent } from "../../../../src/ext-proc/trace-parent.ts";
import { openTracer } from "../../../../src/observe/tracing/open-telemetry.ts";
import type { TraceSampling, TraceSettings } from "../../../../src/observe/tracing/trace-settings.ts";
import type { Refusal } from "../../../../src/routing/choose-pool.ts";
import type { Picked } from "../../../../src/routing/decision.ts";
import { type OtlpCollector, startCollector } from "../../../support/otlp-collector.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const request = { shadow: false, requestId: "id-1" };
const picked = {
  kind: "picked",
  pod: { name: "vllm-2", address: "10.0.0.2:8000" },
  pool: { name: "chat" },
  reason: "scored",
  score: 2.5,
  model: "llama",
  seed: 1,
  predictedHit: 0.75,
  uncachedTokens: 100,
} as unknown as Picked;

let collector: OtlpCollector;
const counted: string[] = [];

beforeEach(async () => {
  counted.length = 0;
  collector = await startCollector();
});
afterEach(() => collector.close());

const events = {
  sent: (spans: number) => counted.push(`sent ${spans}`),
  failed: (spans: number) => counted.push(`failed ${spans}`),
  dropped: () => counted.push("dropped"),
};

function open(sampling: Partial<TraceSampling> = {}, settings: Partial<TraceSettings> = {}) {
  return openTracer({
    settings: {
      protocol: "http/protobuf",
      endpoint: `http://127.0.0.1:${collector.httpPort}`,
      sampling: { heedsParent: true, share: 0, ...sampling },
      notes: [],
      faults: [],
      ...settings,
    },
    serviceName: "picker-1",
    version: "1.0.0",
    events,
    now: () => performance.now(),
    queue: { delayMs: 1 },
  });
}

const parent = (flags: string) => parseTraceParent(`00-${TRACE}-${SPAN}-${flags}`, () => "vendor=1");

describe.each(["http/protobuf", "grpc"] as const)("openTracer over %s", (protocol) => {
  test("sends a picked request as a child of its parent, with what was decided and its phases", async () => {
    const endpoint = `http://127.0.0.1:${protocol === "grpc" ? collector.grpcPort : collector.httpPort}`;
    const tracer = await open({}, { protocol, endpoint });
    const phases = new PickPhases();
    const now = performance.now();
    phases.begin(now, now + 2);
    phases.readAtMs = now + 3;
    phases.decidedAtMs = now + 4;
    tracer.begin(parent("01"), now)?.picked(picked, now + 5, request, phases);
    const [span] = await collector.received(1);
    expect(span).toMatchObject({
      service: "picker-1",
      name: "pointsman.pick",
      traceId: TRACE,
      parentId: SPAN,
      state: "vendor=1",
      kind: 2,
      events: ["body complete", "body read", "routed"],
      error: "",
      attributes: {
        "pointsman.pool": "chat",
        "pointsman.pod": "vllm-2",
        "pointsman.pod.address": "10.0.0.2:8000",
        "pointsman.reason": "scored",
        "pointsman.score": 2.5,
        "pointsman.prefix_hit": 0.75,
        "pointsman.prompt_tokens": 400,
        "pointsman.uncached_tokens": 100,
        "gen_ai.request.model": "llama",
        "pointsman.request_id": "id-1",
      },
    });
    expect(span!.endMs - span!.startMs).toBeCloseTo(5, 1);
    await tracer.stop();
    expect(counted).toEqual(["sent 1"]);
  });
});

test("a refusal is a span with an error and its code", async () => {
  const tracer = await open();
  const now = performance.now();
  const refusal = { kind: "refused", code: "model_not_found", model: "gpt" } as Refusal;
  tracer.begin(parent("01"), now)?.refused(refusal, now);
  const [span] = await collector.received(1);
  expect(span).toMatchObject({
    error: "The model does not exist here.",
    attributes: { "error.type": "model_not_found", "http.response.status_code": 404, "gen_ai.request.model": "gpt" },
  });
  await tracer.stop();
});

test("a stream that ends unanswered is an error, and nothing after the first word counts", async () => {
  const tracer = await open();
  const now = performance.now();
  const trace = tracer.begin(parent("01"), now);
  trace?.ended("cancel", now);
  trace?.picked(picked, now, request);
  const spans = await collector.received(1);
  await tracer.stop();
  expect(spans).toHaveLength(1);
  expect(spans[0]).toMatchObject({
    error: "The stream ended without an answer.",
    attributes: { "error.type": "stream_cancel" },
  });
  expect(counted).toEqual(["sent 1"]);
});

describe("sampling", () => {
  test("an unsampled parent makes nothing, whatever the share", async () => {
    const tracer = await open({ share: 1 });
    expect(tracer.begin(parent("00"), 0)).toBeUndefined();
    await tracer.stop();
  });

  test("without a parent the share decides, and the trace begins here", async () => {
    const none = await open({ share: 0 });
    expect(none.begin(undefined, 0)).toBeUndefined();
    const all = await open({ share: 1 });
    all.begin(undefined, performance.now())?.answered(performance.now());
    const [span] = await collector.received(1);
    expect(span).toMatchObject({ parentId: "", traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    await Promise.all([none.stop(), all.stop()]);
  });

  test("where parents are not heeded the share decides for all", async () => {
    const all = await open({ heedsParent: false, share: 1 });
    expect(all.begin(parent("00"), performance.now())).toBeDefined();
    const none = await open({ heedsParent: false, share: 0 });
    expect(none.begin(parent("01"), performance.now())).toBeUndefined();
    await Promise.all([none.stop(), all.stop()]);
  });
});

test("models beyond what a process tells apart are one", async () => {
  const tracer = await open();
  const now = performance.now();
  for (let i = 0; i < 1_100; i++) {
    tracer.begin(parent("01"), now)?.picked({ ...picked, model: `m${i}` } as Picked, now, request);
  }
  const spans = await collector.received(1_100);
  const models = new Set(spans.map(({ attributes }) => attributes["gen_ai.request.model"]));
  expect(models.size).toBe(1_001);
  expect(models).toContain("other");
  await tracer.stop();
});

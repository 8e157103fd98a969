import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type Answer, ask, echoOf } from "../support/http-framings.ts";
import { chatBody } from "../support/load.ts";
import { type CollectedSpan, type OtlpCollector, startCollector } from "../support/otlp-collector.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const body = Buffer.from(chatBody(1));
const CLIENT_SPAN = "00f067aa0ba902b7";
const traceOf = (number: number) => number.toString(16).padStart(32, "0");

describe.skipIf(testEnvoy === undefined)("tracing.yaml", () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;
  /** The same, without tracing in Envoy. */
  let silent: RunningEnvoy;
  let collector: OtlpCollector;

  beforeAll(async () => {
    collector = await startCollector();
    pods = await startEchoPods(2);
    const endpoint = `http://127.0.0.1:${collector.httpPort}`;
    picker = await startPicker(["--pods", pods.addresses.join(","), "--tracing-endpoint", endpoint]);
    await picker.metricBecomes("pointsman_pool_usable_pods", 2);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address])];
    const address = { socket_address: { address: "127.0.0.1", port_value: collector.grpcPort } };
    const endpoints = ["static_resources", "clusters", "collector", "load_assignment", "endpoints", 0, "lb_endpoints"];
    const collecting: Edit[] = [
      { op: "set", at: endpoints, to: [{ endpoint: { address } }] },
      { op: "set", at: [...places.hcm, "tracing", "random_sampling", "value"], to: 100 },
    ];
    [envoy, silent] = await Promise.all([
      testEnvoy!.start({ config: renderEnvoyConfig("tracing.yaml", [...edits, ...collecting]) }),
      testEnvoy!.start({ config: renderEnvoyConfig("buffered.yaml", edits) }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([envoy?.stop(), silent?.stop()]);
    await picker?.kill();
    await pods?.close();
    await collector?.close();
  });

  const send = (headers: Readonly<Record<string, string>> = {}, to = envoy): Promise<Answer> => {
    const all = { "content-type": "application/json", ...headers };
    return ask({
      framing: "h1 content-length",
      path: "/v1/chat/completions",
      body,
      port: to.ports.get("requests")!,
      headers: all,
    });
  };
  const ofTrace = (traceId: string) => (span: CollectedSpan) => span.traceId === traceId;

  test("a trace reads client, Envoy, call to the picker, pick; the pod's branch begins at Envoy's own span", async () => {
    const traceId = traceOf(0xa1);
    const { headers } = echoOf(await send({ traceparent: `00-${traceId}-${CLIENT_SPAN}-01`, tracestate: "vendor=7" }));
    // Envoy itself sends its span of the call twice.
    const sent = await collector.received(5, ofTrace(traceId));
    const spans = [...new Map(sent.map((span) => [span.spanId, span])).values()];
    const pick = spans.find(({ service }) => service === "pointsman")!;
    const spanOf = (id: string) => spans.find(({ spanId }) => spanId === id);
    const call = spanOf(pick.parentId)!;
    const ingress = spanOf(call.parentId)!;
    expect(call).toMatchObject({ service: "envoy", name: expect.stringMatching(/ext_proc.*ExternalProcessor/) });
    expect(ingress).toMatchObject({ service: "envoy", parentId: CLIENT_SPAN });
    expect(pick).toMatchObject({
      name: "pointsman.pick",
      state: "vendor=7",
      error: "",
      events: ["body complete", "body read", "routed"],
      attributes: {
        "pointsman.reason": "scored",
        "gen_ai.request.model": "m",
        "pointsman.pod.address": expect.any(String),
      },
    });
    expect(pick.startMs).toBeGreaterThanOrEqual(ingress.startMs - 5);
    expect(pick.endMs).toBeLessThanOrEqual(ingress.endMs + 5);
    // Of two headers Node's servers make one text with a comma.
    const [, atPod = "", parentAtPod = ""] =
      /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(headers["traceparent"] ?? "") ?? [];
    expect(atPod).toBe(traceId);
    const upstream = spanOf(parentAtPod)!;
    expect(upstream).toMatchObject({ service: "envoy", parentId: ingress.spanId });
    expect(spans).toHaveLength(4);
  });

  test("a refusal is an error in the trace of its request", async () => {
    const traceId = traceOf(0xa2);
    const traceparent = `00-${traceId}-${CLIENT_SPAN}-01`;
    const port = envoy.ports.get("requests")!;
    const asked = ask({
      framing: "h1 content-length",
      path: "/v1/chat/completions",
      body: Buffer.from("{"),
      port,
      headers: { traceparent },
    });
    expect((await asked).status).toBe(400);
    const [pick] = await collector.received(1, (span) => span.traceId === traceId && span.service === "pointsman");
    expect(pick).toMatchObject({
      error: "The request body is not valid JSON.",
      attributes: { "error.type": "malformed_json" },
    });
  });

  test("a request that is not sampled makes no span, and one without a traceparent begins a trace at Envoy", async () => {
    const unsampled = traceOf(0xa3);
    const { headers } = echoOf(await send({ traceparent: `00-${unsampled}-${CLIENT_SPAN}-00` }));
    expect(headers["traceparent"]).toMatch(new RegExp(`^00-${unsampled}-[0-9a-f]{16}-00$`));
    const atPod = echoOf(await send()).headers["traceparent"]?.split("-")[1];
    // Spans leave the picker in the order of their requests.
    const [pick] = await collector.received(1, (span) => span.service === "pointsman" && span.traceId === atPod);
    expect(pick).toMatchObject({ parentId: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(collector.spans.map(({ traceId }) => traceId)).not.toContain(unsampled);
  });

  test("where Envoy traces nothing the client's span is the parent, and reaches the pod unchanged", async () => {
    const traceId = traceOf(0xa5);
    const traceparent = `00-${traceId}-${CLIENT_SPAN}-01`;
    const { headers } = echoOf(await send({ traceparent }, silent));
    expect(headers["traceparent"]).toBe(traceparent);
    const [pick] = await collector.received(1, ofTrace(traceId));
    expect(pick).toMatchObject({ service: "pointsman", parentId: CLIENT_SPAN });
  });
});

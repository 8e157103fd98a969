/** Requests that name their strategy, beside requests that do not, in a running picker. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { mutatedHeaders, type ProcessingResponse } from "../../src/ext-proc/messages.ts";
import * as envoy from "../support/envoy-messages.ts";
import { type FakePod, type PickerProcess, startFakePods, startPicker } from "../support/picker-process.ts";

const DESTINATION = "x-gateway-destination-endpoint";

describe("a picker with strategies", () => {
  let pods: FakePod[];
  let picker: PickerProcess;
  let client: ExtProcClient;

  beforeAll(async () => {
    pods = await startFakePods(3);
    picker = await startPicker([
      `--pods=${pods.map((pod, i) => `pod-${i}=${pod.address}`).join(",")}`,
      ...["--routing-strategies", "--destination-header=x-gateway-destination-endpoint,target-pod"],
      "--refresh-metrics-interval=50ms",
    ]);
    client = connectExtProc({ address: picker.address });
    await client.ready(20_000);
    await picker.metricBecomesAtLeast("pointsman_scrapes_total", 3);
  });
  afterAll(async () => {
    client?.close();
    await picker?.kill();
    for (const pod of pods ?? []) pod.close();
  });

  interface Asked {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  }

  /** Both replies: to the request, and to the head of the answer where the request was let through. */
  async function ask({ headers = {}, body = envoy.chatBody() }: Asked = {}) {
    const stream = client.process();
    stream.send(envoy.requestHeaders({ contentLength: body.length, headers }));
    await stream.reply();
    stream.send(envoy.requestBody(body));
    const picked = await stream.reply();
    let answered: ProcessingResponse | undefined;
    if (picked?.immediate_response === undefined) {
      stream.send(envoy.responseHeaders(true));
      answered = await stream.reply();
    }
    stream.halfClose();
    await stream.ended;
    const { status, body: refusal } = picked?.immediate_response ?? {};
    const error = refusal && (JSON.parse(refusal.toString()) as { error: unknown }).error;
    return {
      ...{ status: status?.code, error },
      request: picked === undefined ? new Map<string, string>() : mutatedHeaders(picked),
      answer: answered === undefined ? new Map<string, string>() : mutatedHeaders(answered),
    };
  }

  test.each([
    "random",
    "least-request",
    "throughput",
    "least-latency",
    "least-kv-cache",
    "least-gpu-cache",
    "least-busy-time",
    "least-utilization",
    "prefix-cache",
    "power-of-two",
    "session-affinity",
    "least-request:2,prefix-cache:1,session-affinity",
    "default",
  ])("tells pod and client of %s", async (strategy) => {
    const { request, answer } = await ask({ headers: { "routing-strategy": strategy } });
    const at = pods.findIndex((pod) => pod.address === request.get("target-pod"));
    expect(at).not.toBe(-1);
    expect(request.get("routing-strategy")).toBe(strategy);
    expect(request.get(DESTINATION)).toBe(request.get("target-pod"));
    const told = Object.fromEntries(answer);
    expect(told).toMatchObject({
      "routing-strategy": strategy,
      "target-pod": `pod-${at}`,
      "target-pod-ip": pods[at]?.address,
      "request-id": "00000000-0000-4000-8000-000000000000",
    });
  });

  test("sends a request without a strategy on as ever, and tells its id alone", async () => {
    const { request, answer } = await ask();
    expect(request.has("routing-strategy")).toBe(false);
    expect(pods.map((pod) => pod.address)).toContain(request.get(DESTINATION));
    expect(request.get("target-pod")).toBe(request.get(DESTINATION));
    expect([...answer.keys()]).toEqual(["request-id"]);
  });

  test("keeps a session by the token that the first answer gave", async () => {
    const first = await ask({ headers: { "routing-strategy": "session-affinity" } });
    const token = first.answer.get("x-session-id") ?? "";
    expect(Buffer.from(token, "base64").toString()).toBe(first.request.get("target-pod"));
    for (let i = 0; i < 8; i++) {
      const next = await ask({ headers: { "routing-strategy": "session-affinity", "x-session-id": token } });
      expect(next.request.get("target-pod")).toBe(first.request.get("target-pod"));
      expect(next.answer.get("x-session-id")).toBe(token);
    }
  });

  test.each([
    ["swift", "incorrect routing strategy swift"],
    ["vtc-basic", "incorrect routing strategy vtc-basic: vtc-basic is not supported"],
    ["pd:2,random", "incorrect routing strategy pd:2,random: pd is not supported"],
    ["least-request,power-of-two", "incorrect routing strategy least-request,power-of-two"],
  ])("refuses %s in AIBrix's words", async (strategy, message) => {
    const { status, error, request } = await ask({ headers: { "routing-strategy": strategy } });
    expect([status, request.get("x-error-routing")]).toEqual([400, "true"]);
    expect(error).toEqual({ message, type: "invalid_request_error", code: null, param: null });
  });

  test("refuses a filter that leaves nobody, and a body that is none", async () => {
    const none = await ask({ headers: { "routing-strategy": "random", "external-filter": "zone=moon" } });
    expect([none.status, none.request.get("x-error-routing")]).toEqual([503, "true"]);
    expect(none.error).toMatchObject({ type: "overloaded_error", code: "service_unavailable" });
    const plain = await ask({ headers: { "external-filter": "zone=moon" } });
    expect(plain.request.has(DESTINATION)).toBe(true);
    const broken = await ask({ headers: { "routing-strategy": "random" }, body: "{" });
    expect([broken.status, broken.request.get("x-error-request-body-processing")]).toEqual([400, "true"]);
  });

  test("goes through a thousand different mixes without a fault", async () => {
    for (let n = 1; n <= 1000; n += 50) {
      const mixes = Array.from({ length: 50 }, (_, i) => `least-request:${n + i},least-gpu-cache:7`);
      const answers = await Promise.all(mixes.map((strategy) => ask({ headers: { "routing-strategy": strategy } })));
      expect(answers.map(({ request }) => request.get("routing-strategy"))).toEqual(mixes);
    }
    expect(await picker.metric("pointsman_faults_total")).toBe(0);
  });
});

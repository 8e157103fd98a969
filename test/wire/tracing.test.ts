/** Tracing as users turn it on: by the environment or flags, with a collector that is there, dead, or not asked for. */
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connectExtProc } from "../../src/ext-proc/client.ts";
import { headerMap } from "../../src/ext-proc/messages.ts";
import { type OtlpCollector, startCollector } from "../support/otlp-collector.ts";
import { type FakePod, type PickerProcess, startFakePods, startPicker } from "../support/picker-process.ts";

const BUFFERED = { request_body_mode: "BUFFERED", response_body_mode: "NONE" } as const;
const SPANS = "pointsman_spans_total";
let pods: FakePod[];
let collector: OtlpCollector;
let picker: PickerProcess | undefined;

beforeAll(async () => {
  [pods, collector] = await Promise.all([startFakePods(1), startCollector()]);
});
afterEach(async () => {
  await picker?.kill();
  picker = undefined;
});
afterAll(async () => {
  for (const pod of pods ?? []) pod.close();
  await collector?.close();
});

async function start(flags: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<PickerProcess> {
  picker = await startPicker(["--pods", pods[0]!.address, ...flags], env);
  return picker;
}

async function play(
  count: number,
  traceparent = (i: number) => `00-${"a".repeat(31)}${i % 10}-00f067aa0ba902b7-01`,
): Promise<void> {
  const client = connectExtProc({ address: picker!.address });
  for (let i = 0; i < count; i++) {
    const stream = client.process();
    const headers = headerMap({ ":path": "/v1/completions", traceparent: traceparent(i), "x-request-id": `id-${i}` });
    stream.send({ request_headers: { headers }, protocol_config: BUFFERED });
    stream.send({ request_body: { body: Buffer.from('{"model":"m","prompt":"p"}'), end_of_stream: true } });
    await stream.reply();
    stream.halfClose();
    await stream.ended;
  }
  client.close();
}

/** The modules that a picker has loaded when it is ready. */
async function loadedBy(flags: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const hook = new URL("../support/print-loaded.ts", import.meta.url).href;
  const { log } = await start(flags, { ...env, NODE_OPTIONS: `--import=${hook}` });
  const loaded = log.map(({ stderr }) => String(stderr)).filter((line) => line.startsWith("loaded "));
  await picker?.kill();
  expect(loaded.some((line) => line.includes("pino"))).toBe(true);
  // prom-client brings its interfaces along, whether anybody traces or not.
  return loaded.filter((line) => line.includes("@opentelemetry") && !line.includes("@opentelemetry/api/"));
}

describe("what is loaded", () => {
  test("where tracing is off nothing of OpenTelemetry is, and where it is on its packages are", async () => {
    expect(await loadedBy([])).toEqual([]);
    const on = await loadedBy(["--tracing"]);
    expect(on.length).toBeGreaterThan(10);
    expect(on.filter((line) => line.includes("otlp-grpc"))).toEqual([]);
  });
});

test.each([
  ["a header that gRPC cannot send", "grpc", "OTEL_EXPORTER_OTLP_HEADERS", "x-team=SECRET77%0a"],
  ["a URL that is none", "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://[SECRET77:4317"],
  ["an endpoint without a scheme", "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT", "me:SECRET77@127.0.0.1:4318"],
])("%s does not end the picker: picks go on, and one line names the variable", async (_, protocol, name, value) => {
  await start([], {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317",
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    [name]: value,
  });
  await play(1);
  expect(await picker!.metric("pointsman_picks_total")).toBe(1);
  const lines = picker!.log.filter(({ component }) => component === "tracing");
  expect(lines).toMatchObject([{ level: 50, about: expect.stringContaining(name) }]);
  expect(JSON.stringify(picker!.log)).not.toContain("SECRET77");
});

test("the variables of every OpenTelemetry program turn it on and say where to, over gRPC at its port", async () => {
  await start([], {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.grpcPort}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_SERVICE_NAME: "router-7",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test",
  });
  await play(1);
  const [span] = await collector.received(1, ({ service }) => service === "router-7");
  expect(span).toMatchObject({ parentId: "00f067aa0ba902b7", attributes: { "pointsman.request_id": "id-0" } });
});

test.each(["direct", "plain"])("the metadata of the call beats the headers on the transport %s", async (transport) => {
  const endpoint = `http://127.0.0.1:${collector.httpPort}`;
  await start(["--tracing-endpoint", endpoint, "--transport", transport], { OTEL_SERVICE_NAME: transport });
  const client = connectExtProc({ address: picker!.address });
  const trace = "c".repeat(32);
  const stream = client.process({ traceparent: `00-${trace}-${"d".repeat(16)}-01`, tracestate: "envoy=1" });
  const headers = headerMap({ ":path": "/x", traceparent: `00-${trace}-${"e".repeat(16)}-00` });
  stream.send({ request_headers: { headers, end_of_stream: true }, protocol_config: BUFFERED });
  await stream.reply();
  client.close();
  const [span] = await collector.received(1, ({ service }) => service === transport);
  expect(span).toMatchObject({ traceId: trace, parentId: "d".repeat(16), state: "envoy=1" });
});

test("of requests without a traceparent a share is traced, and none that is not sampled", async () => {
  const endpoint = `http://127.0.0.1:${collector.httpPort}`;
  await start(["--tracing-endpoint", endpoint, "--tracing-share", "0.5"], { OTEL_SERVICE_NAME: "shares" });
  await play(10, (i) => `00-${"b".repeat(31)}${i}-00f067aa0ba902b7-00`);
  await play(200, () => "");
  await play(1);
  const isLast = (span: { traceId: string; service: string }) =>
    span.service === "shares" && span.traceId.startsWith("aaaa");
  await collector.received(1, isLast);
  const roots = collector.spans.filter(({ service, parentId }) => service === "shares" && parentId === "");
  expect(roots.length).toBeGreaterThan(50);
  expect(roots.length).toBeLessThan(150);
  expect(collector.spans.filter(({ traceId }) => traceId.startsWith("bbbb"))).toEqual([]);
});

test("a dead collector is said once and counted, and picks go on", async () => {
  // Nobody listens at port 1.
  await start(["--tracing-endpoint", "http://127.0.0.1:1"], { OTEL_EXPORTER_OTLP_TIMEOUT: "300" });
  await play(50);
  await picker!.line(({ msg }) => String(msg).startsWith("spans cannot be sent"));
  await play(50);
  await picker!.metricBecomesAtLeast(SPANS, 100);
  expect(await picker!.metric(SPANS, { outcome: "failed" })).toBe(100);
  expect(await picker!.metric("pointsman_picks_total")).toBe(100);
  expect(picker!.log.filter(({ component, level }) => component === "tracing" && level === 40)).toHaveLength(1);
});

test("the documents name the options that there are", () => {
  const text = readFileSync(new URL("../../deploy/tracing.md", import.meta.url), "utf8");
  for (const flag of ["--tracing", "--tracing-endpoint", "--tracing-protocol", "--tracing-share"])
    expect(text).toContain(flag);
});

/** AIBrix's headers through a real Envoy: a request with a strategy goes by its own route, one without by the other. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type Echo, type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const routes = [...places.hcm, "route_config", "virtual_hosts", "all", "routes"];

/** As AIBrix patches Envoy: whatever names a strategy goes where the header target-pod says. */
const asAibrix: readonly Edit[] = [
  // AIBrix's Envoy has nothing in front of the picker that takes out what clients forge.
  { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"] },
  {
    op: "add",
    at: [...routes, 0],
    to: {
      match: { prefix: "/", headers: [{ name: "routing-strategy", string_match: { safe_regex: { regex: ".*" } } }] },
      route: { cluster: "original_destination_cluster", timeout: "120s" },
      response_headers_to_add: [{ header: { key: "x-route", value: "original_route" } }],
    },
  },
  {
    op: "add",
    at: ["static_resources", "clusters", 0],
    to: {
      name: "original_destination_cluster",
      type: "ORIGINAL_DST",
      lb_policy: "CLUSTER_PROVIDED",
      connect_timeout: "6s",
      original_dst_lb_config: { use_http_header: true, http_header_name: "target-pod" },
    },
  },
  { op: "set", at: [...places.extProc, "processing_mode", "response_header_mode"], to: "SEND" },
  { op: "set", at: [...places.extProc, "processing_mode", "response_body_mode"], to: "STREAMED" },
];

describe.skipIf(testEnvoy === undefined)("strategies behind buffered.yaml with AIBrix's route", () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await startEchoPods(3);
    const named = pods.addresses.map((address, i) => `pod-${i}=${address}`);
    picker = await startPicker([`--pods=${named.join(",")}`, "--routing-strategies"]);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), ...asAibrix];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig("buffered.yaml", edits) });
    await picker.metricBecomesAtLeast("pointsman_scrapes_total", 3);
  });
  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await pods?.close();
  });

  async function ask(headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(`http://127.0.0.1:${envoy.ports.get("requests")}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hello" }] }),
    });
    const body = (await response.json()) as Partial<Echo> & { error?: Readonly<Record<string, unknown>> };
    return { status: response.status, headers: response.headers, body };
  }

  test.each(["least-request", "session-affinity", "least-request:2,prefix-cache:1"])(
    "%s goes round: to the pod in the request's headers, to the client in those of the answer",
    async (strategy) => {
      const { status, headers, body } = await ask({ "routing-strategy": strategy, "target-pod": "10.9.9.9:1" });
      expect(status).toBe(200);
      const at = pods.addresses.indexOf(body.headers?.["target-pod"] ?? "");
      expect(at).not.toBe(-1);
      expect(body.pod).toBe(pods.addresses[at]);
      expect(body.headers?.["routing-strategy"]).toBe(strategy);
      const told = ["x-route", "routing-strategy", "target-pod", "target-pod-ip"].map((name) => headers.get(name));
      expect(told).toEqual(["original_route", strategy, `pod-${at}`, pods.addresses[at]]);
      expect(headers.get("request-id")).toBe(body.headers?.["x-request-id"]);
    },
  );

  test("a request without a strategy beside it is picked by the same filter, and says nothing of one", async () => {
    const before = await picker.metric("pointsman_picks_total", { reason: "scored" });
    const { status, headers, body } = await ask();
    expect(status).toBe(200);
    expect(pods.addresses).toContain(body.pod);
    expect(["x-route", "routing-strategy", "target-pod", "target-pod-ip"].map((name) => headers.get(name))).toEqual(
      new Array(4).fill(null),
    );
    expect(body.headers?.["target-pod"]).toBe(body.pod);
    expect(headers.get("request-id")).toBe(body.headers?.["x-request-id"]);
    expect(await picker.metric("pointsman_picks_total", { reason: "scored" })).toBe(before + 1);
  });

  test.each([{}, { "routing-strategy": "" }, { "routing-strategy": " " }])(
    "a pod that a client names beside %j is never the one",
    async (given) => {
      const forged = { "target-pod": "127.0.0.1:1", "target-pod-ip": "127.0.0.1:1" };
      const { status, headers, body } = await ask({ ...given, ...forged });
      expect([status, headers.get("x-route")]).toEqual([200, "routing-strategy" in given ? "original_route" : null]);
      expect(pods.addresses).toContain(body.pod);
      expect([body.headers?.["target-pod"], body.headers?.["target-pod-ip"]]).toEqual([body.pod, undefined]);
    },
  );

  test("a session stays where its first answer was", async () => {
    const first = await ask({ "routing-strategy": "session-affinity" });
    const token = first.headers.get("x-session-id") ?? "";
    const next = await Promise.all(
      Array.from({ length: 6 }, () => ask({ "routing-strategy": "session-affinity", "x-session-id": token })),
    );
    expect(next.map(({ body }) => body.pod)).toEqual(new Array(6).fill(first.body.pod));
  });

  test("a request whose own filter leaves no pod gets a 503 that says so, one without a strategy is not filtered", async () => {
    const filter = { "external-filter": "zone in (moon, mars)" };
    const { status, headers, body } = await ask({ "routing-strategy": "random", ...filter });
    expect([status, headers.get("x-error-routing"), headers.get("retry-after")]).toEqual([503, "true", "1"]);
    expect(body.error).toMatchObject({ message: "error on selecting target pod", code: "service_unavailable" });
    expect((await ask(filter)).status).toBe(200);
  });

  test.each([
    ["swift", "incorrect routing strategy swift"],
    ["slo", "incorrect routing strategy slo: slo is not supported"],
  ])("the strategy %s, which is none here, gets a 400 that says so", async (strategy, message) => {
    const { status, headers, body } = await ask({ "routing-strategy": strategy });
    expect([status, headers.get("x-error-routing"), headers.get("x-pointsman-error")]).toEqual([
      400,
      "true",
      "strategy_unknown",
    ]);
    expect(body.error).toEqual({ message, type: "invalid_request_error", code: null, param: null });
  });
});

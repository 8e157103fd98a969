import type { RequestListener, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { chatBody, Load } from "../support/load.ts";
import { startPicker } from "../support/picker-process.ts";
import { PodPages } from "../support/pod-pages.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
/** Nobody has any of it cached: a prompt that was served elsewhere once would never try the failing pod. */
const newcomerBody = (turn: number): string => chatBody(turn, Number.POSITIVE_INFINITY);
const SET_ASIDE = "pointsman_pods_set_aside_total";
const PICKS = "pointsman_picks_total";

/** What an operator adds to buffered.yaml; duplex.yaml shows the picker the answers anyway. */
const seeAnswers = {
  op: "set",
  at: [...places.extProc, "processing_mode", "response_header_mode"],
  to: "SEND",
} as const;

test.skipIf(testEnvoy === undefined).each([
  ["buffered.yaml", [seeAnswers]],
  ["duplex.yaml", []],
])(
  "a pod whose metrics are well but whose answers are 500 is set aside, and let in again once it serves (%s)",
  async (file, more) => {
    const pods = await Promise.all(
      [0, 1, 2, 3].map((i) => startFakePod({ name: `pod-${i}`, model: "m", speed: 20, answerTokens: [5, 50] })),
    );
    const picker = await startPicker(["--pods", pods.map(({ name, address }) => `${name}=${address}`).join(",")]);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), ...more];
    const envoy = await testEnvoy!.start({ config: renderEnvoyConfig(file, edits) });
    const port = envoy.ports.get("requests")!;
    const failing = pods[2] as FakePod;
    let turn = 0;
    let done = false;
    const load = new Load({ port, body: () => newcomerBody(turn++) });
    try {
      failing.switches.fail500 = true;
      const loading = load.openLoop(50, () => done);
      await picker.metricBecomesAtLeast(SET_ASIDE, 1);
      const before = { picks: await picker.metric(PICKS), failed: load.outcomes.get("500") ?? 0 };
      await picker.metricBecomesAtLeast(PICKS, before.picks + 250);
      const failed = (load.outcomes.get("500") ?? 0) - before.failed;
      // A request now and then tries whether the pod serves again.
      expect(failed).toBeLessThanOrEqual(0.03 * 250 + 1);
      expect(await picker.metric("pointsman_pool_usable_pods")).toBeGreaterThanOrEqual(3);
      failing.switches.fail500 = false;
      await picker.line((line) => line["pod"] === failing.name && line["msg"] === "the pod serves requests again");
      done = true;
      expect([...(await loading).keys()].sort()).toEqual(["200", "500"]);
    } finally {
      done = true;
      await delay(0);
      load.stop();
      await envoy.stop();
      await picker.kill();
      await Promise.all(pods.map((pod) => pod.stop()));
    }
  },
);

const metricsPage = ["num_requests_waiting", "num_requests_running", "kv_cache_usage_perc"]
  .map((name) => `vllm:${name}{model_name="m"} 0\n`)
  .join("");

/** Pods that answer a request as they are told, and are well by their metrics. */
async function playPods(pages: PodPages, count: number, answer: (body: string, response: ServerResponse) => void) {
  const listed = JSON.stringify({ object: "list", data: [{ id: "m", object: "model" }] });
  const play: RequestListener = (request, response) => {
    if (request.method === "GET") return void response.end(request.url === "/metrics" ? metricsPage : listed);
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => answer(body, response));
  };
  return Promise.all(Array.from({ length: count }, () => pages.http(play)));
}

test.skipIf(testEnvoy === undefined).each([
  ["buffered.yaml", [seeAnswers]],
  ["duplex.yaml", []],
])("a pod that drops the requests it gets is set aside (%s)", async (file, more) => {
  const pages = new PodPages();
  const [dropping, ...others] = [
    ...(await playPods(pages, 1, (_, response) => response.socket?.destroy())),
    ...(await playPods(pages, 2, (_, response) => response.end("{}"))),
  ];
  const pods = [dropping!, ...others].map(({ address }, i) => `pod-${i}=${address}`);
  const picker = await startPicker(["--pods", pods.join(",")]);
  const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), ...more];
  const envoy = await testEnvoy!.start({ config: renderEnvoyConfig(file, edits) });
  let turn = 0;
  const load = new Load({ port: envoy.ports.get("requests")!, body: () => newcomerBody(turn++) });
  let done = false;
  try {
    const loading = load.openLoop(50, () => done);
    const { pod } = await picker.line((line) => line["msg"] === "the pod fails requests: it is set aside");
    done = true;
    await loading;
    expect([pod, ...[...load.outcomes.keys()].sort()]).toEqual(["pod-0", "200", "503"]);
  } finally {
    done = true;
    load.stop();
    await envoy.stop();
    await picker.kill();
    await pages.close();
  }
});

const limit = { thresholds: [{ max_requests: 2, max_pending_requests: 2, max_connections: 2 }] };
const abort = { http_status: 503, percentage: { numerator: 80 } };
const filterBehind = {
  name: "envoy.filters.http.fault",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", abort },
};
const route = [...places.hcm, "route_config", "virtual_hosts", 0, "routes", 0, "route"];

test.skipIf(testEnvoy === undefined).each<[string, string, Edit]>([
  ["a limit", "503", { op: "set", at: [...places.pods, "circuit_breakers"], to: limit }],
  ["a timeout", "504", { op: "set", at: [...route, "timeout"], to: "0.2s" }],
  ["a filter behind the picker", "503", { op: "add", at: [...places.hcm, "http_filters", 2], to: filterBehind }],
])("no pod is blamed for what Envoy answers by itself: %s", async (_, status, edit) => {
  const pages = new PodPages();
  const pods = await playPods(pages, 3, (body, response) => {
    setTimeout(() => response.end("ok"), body.includes("of") ? 400 : 100);
  });
  const picker = await startPicker(["--pods", pods.map(({ address }) => address).join(",")]);
  const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), edit];
  const envoy = await testEnvoy!.start({ config: renderEnvoyConfig("duplex.yaml", edits) });
  let turn = 0;
  const body = () => JSON.stringify({ model: "m", prompt: `${turn++ % 4 === 0 ? "short" : "one of those"} ${turn}` });
  const load = new Load({ port: envoy.ports.get("requests")!, path: "/v1/completions", body });
  const count = (outcome: string) => load.outcomes.get(outcome) ?? 0;
  try {
    const outcomes = await load.openLoop(40, () => count("200") >= 10 && count(status) >= 60);
    expect([...outcomes.keys()].sort()).toEqual(["200", status]);
    expect(await picker.metric(SET_ASIDE)).toBe(0);
  } finally {
    load.stop();
    await envoy.stop();
    await picker.kill();
    await pages.close();
  }
});

test.skipIf(testEnvoy === undefined)(
  "a request that fails on every pod costs one of them a moment at most",
  async () => {
    const pages = new PodPages();
    const pods = await playPods(pages, 4, (body, response) => {
      response.writeHead(body.includes("poison") ? 500 : 200).end("{}");
    });
    const picker = await startPicker(["--pods", pods.map(({ address }) => address).join(",")]);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address])];
    const envoy = await testEnvoy!.start({ config: renderEnvoyConfig("duplex.yaml", edits) });
    let turn = 0;
    const body = () => JSON.stringify({ model: "m", prompt: turn++ % 2 === 0 ? "poison" : `fine ${turn}` });
    const load = new Load({ port: envoy.ports.get("requests")!, path: "/v1/completions", body });
    try {
      await load.openLoop(40, () => turn >= 240);
      expect(load.outcomes.get("500")).toBeGreaterThanOrEqual(100);
      expect(await picker.metric(SET_ASIDE)).toBeLessThanOrEqual(1);
    } finally {
      load.stop();
      await envoy.stop();
      await picker.kill();
      await pages.close();
    }
  },
);

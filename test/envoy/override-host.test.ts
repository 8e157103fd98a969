/** A data plane that goes down the picker's list: override-host.yaml, with a first pod that refuses connections. */
import { mkdtempSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, podsAt, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type Answer, ask, echoOf } from "../support/http-framings.ts";
import { chatBody } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
/** No model in the request: a pod that refuses connections tells none, and would come last for that alone. */
const path = "/anything/else";
const IN_FLIGHT = "pointsman_pod_in_flight";

/** Pages of metrics for pods that need not serve them: the pod at 127.0.0.2 looks idle, the others busy. */
async function startPages(): Promise<{ port: number; close(): void }> {
  const server = http.createServer((request, response) => {
    const waiting = request.socket.localAddress?.endsWith("127.0.0.2") === true ? 0 : 9;
    response.end(
      `vllm:num_requests_waiting ${waiting}\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc ${waiting / 10}\n`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

/** A pod that refuses connections once it has been asked for its models, which the picker does not do again so soon. */
async function servesOnce(address: string): Promise<() => Promise<void>> {
  const [host = "", port = ""] = address.split(":");
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const server = http.createServer((_request, response) => response.end("{}", () => resolve()));
  await new Promise<void>((listening) => server.listen(Number(port), host, listening));
  return async () => {
    await asked;
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await closed;
  };
}

function writeConfig(pods: readonly string[]): string {
  const file = join(mkdtempSync(join(tmpdir(), "pointsman-list-")), "picker.json");
  const profile = { scorers: [{ use: "queue-depth" }], pick: { use: "best", endpoints: 2 } };
  writeFileSync(
    file,
    JSON.stringify({
      pools: [{ name: "only", pods: { static: pods }, profile: "listing" }],
      profiles: { listing: profile },
    }),
  );
  return file;
}

describe.skipIf(testEnvoy === undefined)("override-host.yaml", () => {
  let pages: Awaited<ReturnType<typeof startPages>>;
  let serving: EchoPods;
  let refusing: string;
  let second: string;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    [pages, serving] = await Promise.all([startPages(), startEchoPods(1)]);
    second = serving.addresses[0]!;
    // The same port of another loopback address.
    refusing = second.replace("127.0.0.1", "127.0.0.2");
    const pods = [refusing, second];
    const leave = await servesOnce(refusing);
    picker = await startPicker([
      `--config-file=${writeConfig(pods)}`,
      `--model-server-metrics-port=${pages.port}`,
      "--models-interval=1h",
    ]);
    await leave();
    await picker.metricBecomes("pointsman_pool_usable_pods", 2);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), podsAt(pods)];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig("override-host.yaml", edits) });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await serving?.close();
    pages?.close();
  });

  const send = (headers: Record<string, string> = {}, onReceived = (_bytes: number) => {}): Promise<Answer> =>
    ask({
      port: envoy.ports.get("requests")!,
      framing: "h1 content-length",
      path,
      body: Buffer.from(chatBody(1)),
      headers: { "content-type": "application/json", ...headers },
      onReceived,
    });

  test("serves from the second pod of the list, and the picker counts the request there", async () => {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const answer = send({ "x-echo-sse": "40/25" }, () => resolve());
    await begun;
    await picker.metricBecomes(IN_FLIGHT, 1, { pod: second });
    expect(await picker.metric(IN_FLIGHT, { pod: refusing })).toBe(0);
    expect((await answer).status).toBe(200);
    await picker.metricBecomes(IN_FLIGHT, 0, { pod: second });
  });

  test("names both pods to Envoy in the order of their scores", async () => {
    const echo = echoOf(await send());
    expect(echo.headers["x-gateway-destination-endpoint"]).toBe(`${refusing},${second}`);
    expect(echo.pod).toBe(second);
  });

  test("holds the failures against the first pod until it is set aside, and the second comes first", async () => {
    while ((await picker.metric("pointsman_pods_set_aside_total")) === 0) expect((await send()).status).toBe(200);
    const aside = picker.log.find((line) => String(line["msg"]).includes("set aside"));
    expect(aside?.["pod"] ?? aside?.["address"]).toBe(refusing);
    expect(echoOf(await send()).headers["x-gateway-destination-endpoint"]).toMatch(new RegExp(`^${second}`));
  });

  test("without a picker the pods take turns, whatever a client names", async () => {
    const both = await startEchoPods(2);
    const edits = [listenOn(0), adminOn(0), pickersAt(["127.0.0.1:1"]), podsAt(both.addresses)];
    const alone = await testEnvoy!.start({ config: renderEnvoyConfig("override-host.yaml", edits) });
    const seen: string[] = [];
    try {
      for (let i = 0; i < 4; i++) {
        const answer = await ask({
          port: alone.ports.get("requests")!,
          framing: "h1 content-length",
          path,
          body: Buffer.from(chatBody(1)),
          headers: { "x-gateway-destination-endpoint": both.addresses[0]! },
        });
        seen.push(echoOf(answer).pod);
        await delay(0);
      }
    } finally {
      await alone.stop();
      await both.close();
    }
    expect(seen.toSorted()).toEqual([...both.addresses, ...both.addresses].toSorted());
  });
});

/** A client names the pod itself, behind every gateway: never honoured, be the picker up, stopped or gone. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { startAiGatewayServer } from "../support/ai-gateway-server.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type Decoy, startDecoy } from "../support/decoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import type { ExtProcServer } from "../support/ext-proc-server.ts";
import { type GatewayShape, gatewayShapes } from "../support/gateway-shapes.ts";
import { ask, echoOf, type Framing } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const POLL_MS = 10;
const body = chatOfSize(89);
const names = [
  "x-gateway-destination-endpoint",
  "x-gateway-destination-endpoint-subset",
  "x-gateway-destination-endpoint-served",
  "target-pod",
  "target-pod-ip",
  "x-envoy-original-dst-host",
];
const framings: readonly Framing[] = ["h1 content-length", "h1 chunked + trailers", "h2 no length", "h2 trailers"];

/** Waits for a picker that hangs no longer than a test may. */
function impatient(config: EnvoyConfig): EnvoyConfig {
  const text = JSON.stringify(config, (key, value) => (key === "message_timeout" ? "0.5s" : value));
  return JSON.parse(text) as EnvoyConfig;
}

interface Got {
  readonly status: number;
  /** "" for none. */
  readonly pod: string;
}

describe.skipIf(testEnvoy === undefined)("a client that names an address of its own", () => {
  const envoys = new Map<GatewayShape, RunningEnvoy>();
  const pickers: PickerProcess[] = [];
  let pods: EchoPods;
  let decoy: Decoy;
  let server: ExtProcServer;

  beforeAll(async () => {
    [pods, decoy, server] = await Promise.all([startEchoPods(2), startDecoy(), startAiGatewayServer()]);
    const pickerWith = async (flags: readonly string[]) => {
      const picker = await startPicker(["--pods", pods.addresses.join(","), ...flags]);
      pickers.push(picker);
      return picker.address;
    };
    const usual = await pickerWith([]);
    for (const shape of gatewayShapes) {
      const picker = shape.flags === undefined ? usual : await pickerWith(shape.flags);
      const config = shape.configOf({ picker, pods: pods.addresses, server: server.address });
      envoys.set(shape, await testEnvoy!.start({ config: impatient(config) }));
    }
  });

  afterAll(async () => {
    await Promise.all([...envoys.values()].map((envoy) => envoy.stop()));
    await Promise.all(pickers.map((picker) => picker.kill()));
    server?.close();
    decoy?.close();
    await pods?.close();
  });

  async function send(shape: GatewayShape, framing: Framing, named: string): Promise<Got> {
    const port = envoys.get(shape)?.ports.get("requests") ?? 0;
    const headers = Object.fromEntries(names.map((name) => [name, named]));
    const answer = await ask({ port, framing, path: "/v1/chat/completions", body, headers });
    return { status: answer.status, pod: answer.status === 200 ? echoOf(answer).pod : "" };
  }

  const sendAll = (shape: GatewayShape, named: string): Promise<Got[]> =>
    Promise.all(framings.map((framing) => send(shape, framing, named)));

  /** What waits for the picker that hangs. */
  const waiting: Promise<{ readonly shape: GatewayShape; readonly got: readonly Got[] }>[] = [];

  /** All of them are with the picker, and no other. */
  async function sendInVain(shape: GatewayShape): Promise<void> {
    waiting.push(sendAll(shape, decoy.address).then((got) => ({ shape, got })));
    const open = async () => {
      const stats = (await envoys.get(shape)?.admin("/stats?filter=downstream_rq_active")) ?? "";
      return stats.split("\n").find((line) => !line.startsWith("http.admin."));
    };
    while (!(await open())?.endsWith(`: ${framings.length}`)) await delay(POLL_MS);
  }

  test.each(gatewayShapes)("is sent to a pod of the picker's by $name while it is up", async (shape) => {
    for (const { status, pod } of await sendAll(shape, decoy.address)) {
      expect([status, pods.addresses.includes(pod)]).toEqual([200, true]);
    }
    expect(decoy.asked()).toBe(0);
  });

  const noneWaits = gatewayShapes.filter(({ waits }) => waits === undefined);
  const stages = [
    { signal: "SIGSTOP", shapes: noneWaits },
    { signal: "SIGKILL", shapes: gatewayShapes },
  ] as const;

  describe.each(stages)("when the picker gets $signal", ({ signal, shapes }) => {
    beforeAll(async () => {
      const isKilled = signal === "SIGKILL";
      if (isKilled) await Promise.all(gatewayShapes.filter(({ waits }) => waits).map(sendInVain));
      for (const picker of pickers) picker.signal(signal);
    });

    test.each(shapes)("is sent nowhere else by $name", async (shape) => {
      const got = await sendAll(shape, decoy.address);
      expect(shape.withoutPicker).toEqual(expect.arrayContaining([...new Set(got.map(({ status }) => status))]));
      expect(decoy.asked()).toBe(0);
    });

    test.each(shapes)("gets from $name no pod of its choice, listed or not", async (shape) => {
      const [named = ""] = pods.addresses;
      const got = [...(await sendAll(shape, named)), ...(await sendAll(shape, named))];
      const served = new Set(got.flatMap(({ pod }) => (pod === "" ? [] : [pod])));
      // Either nobody, or all of them in turn.
      expect(served.size).toBe(shape.withoutPicker.includes(200) ? pods.addresses.length : 0);
    });
  });

  test("has waited in vain where a body waits for a picker that hangs, until that is gone", async () => {
    const all = await Promise.all(waiting);
    expect(all.length).toBe(gatewayShapes.length - noneWaits.length);
    for (const { shape, got } of all) {
      expect(shape.withoutPicker, shape.name).toEqual(expect.arrayContaining(got.map(({ status }) => status)));
    }
    expect(decoy.asked()).toBe(0);
  });
});

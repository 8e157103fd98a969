import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { ask } from "../support/http-framings.ts";
import { PickerProcess } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const clients = 6;
const question = { framing: "h1 content-length", path: "/v1/chat/completions", body: chatOfSize(89) } as const;

/** Clients that ask one thing after the other, until told to stop. */
class Load {
  readonly statuses: (number | string)[] = [];
  #going = true;
  readonly #clients: Promise<void>[];

  constructor(port: number) {
    this.#clients = Array.from({ length: clients }, async () => {
      while (this.#going) {
        const status = await ask({ ...question, port }).then((answer) => answer.status, String);
        this.statuses.push(status);
      }
    });
  }

  get failures(): readonly (number | string)[] {
    return this.statuses.filter((status) => status !== 200);
  }

  /** Until so many more requests have been answered. */
  async more(count: number): Promise<void> {
    const goal = this.statuses.length + count;
    while (this.statuses.length < goal) await delay(5);
  }

  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#clients);
  }
}

describe.skipIf(testEnvoy === undefined).each(["buffered.yaml", "duplex.yaml"])("two pickers behind %s", (file) => {
  let pods: EchoPods;
  let pickers: PickerProcess[];
  let envoy: RunningEnvoy;
  let load: Load;

  /** With the time to drain that Envoy's health check needs several times over. */
  const startPicker = (port = 0) => {
    const ports = ["--grpc-health-port=0", "--metrics-port=0", "--admin-port=0", `--grpc-port=${port}`];
    const flags = ["--bind-address=127.0.0.1", "--drain-delay=3s", "--pods", pods.addresses.join(",")];
    return new PickerProcess([...flags, ...ports]).ready();
  };
  const unhealthy = async (address: string) =>
    (await envoy.admin("/clusters")).includes(`picker::${address}::health_flags::/failed_active_hc`);
  const becomes = async (wanted: boolean, address: string) => {
    while ((await unhealthy(address)) !== wanted) await delay(5);
  };

  beforeEach(async () => {
    pods = await startEchoPods(2);
    pickers = await Promise.all([startPicker(), startPicker()]);
    const addresses = pickers.map(({ address }) => address);
    const config = renderEnvoyConfig(file, [listenOn(0), adminOn(0), pickersAt(addresses)]);
    envoy = await testEnvoy!.start({ config, concurrency: 2 });
    for (const address of addresses) await becomes(false, address);
    load = new Load(envoy.ports.get("requests")!);
    await load.more(100);
  });

  afterEach(async () => {
    await load.stop();
    await envoy.stop();
    await Promise.all(pickers.map((picker) => picker.kill()));
    await pods.close();
  });

  test("a restart of one loses nothing: not a request, not an answer in progress", async () => {
    const [first] = pickers;
    const headers = { "x-echo-sse": "40/50" };
    const port = envoy.ports.get("requests")!;
    const streams = Array.from({ length: 4 }, () => ask({ ...question, port, headers }));
    await load.more(50);
    first!.signal("SIGTERM");
    await becomes(true, first!.address);
    expect(await first!.exited).toBe(0);
    await load.more(50);
    pickers[0] = await startPicker(first!.port);
    await becomes(false, first!.address);
    await load.more(100);
    await load.stop();
    for (const { body } of await Promise.all(streams))
      expect(body.toString()).toMatch(/"event":39}\n\ndata: \[DONE\]\n\n$/);
    expect(load.failures).toEqual([]);
    expect(await pickers[0].metric("pointsman_open_streams")).toBe(0);
  });

  test("one that is killed takes no more with it than the requests it had", async () => {
    const [first] = pickers;
    await first!.kill();
    await becomes(true, first!.address);
    await load.more(100);
    await load.stop();
    expect(load.failures.length).toBeLessThanOrEqual(clients);
    // Fail closed, with the status the config names.
    expect(new Set(load.failures)).toEqual(new Set(load.failures.length === 0 ? [] : [503]));
  });
});

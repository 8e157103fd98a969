import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { chatBody, Load } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const shipped = ["buffered.yaml", "duplex.yaml"];
const POLL_MS = 5;

describe.skipIf(testEnvoy === undefined).each(shipped)("two pickers behind %s", (file) => {
  let pods: EchoPods;
  let pickers: PickerProcess[];
  let envoy: RunningEnvoy;
  let port: number;
  const loads: Load[] = [];

  /** With the time to drain that Envoy's health check needs several times over. */
  const start = (grpcPort = 0) =>
    startPicker(["--pods", pods.addresses.join(","), "--drain-delay=3s", `--grpc-port=${grpcPort}`]);
  const load = (headers: Readonly<Record<string, string>> = {}) => {
    const one = new Load({ port, body: () => chatBody(1), headers });
    loads.push(one);
    return one;
  };
  const left = async (address: string) =>
    (await envoy.admin("/clusters")).includes(`picker::${address}::health_flags::/failed_active_hc`);
  const becomesLeft = async (wanted: boolean, address: string) => {
    while ((await left(address)) !== wanted) await delay(POLL_MS);
  };

  beforeEach(async () => {
    pods = await startEchoPods(3);
    pickers = [await start(), await start()];
    const addresses = pickers.map(({ address }) => address);
    const config = renderEnvoyConfig(file, [listenOn(0), adminOn(0), pickersAt(addresses)]);
    envoy = await testEnvoy!.start({ config });
    port = envoy.ports.get("requests")!;
    for (const address of addresses) await becomesLeft(false, address);
  });

  afterEach(async () => {
    for (const one of loads.splice(0)) one.stop();
    await envoy.stop();
    await Promise.all(pickers.map((picker) => picker.kill()));
    await pods.close();
  });

  test("a restart of each in turn by SIGTERM, at 100 requests/s with open event streams, loses nothing", async () => {
    let done = false;
    // Answers that outlast every step of a restart, beside short ones.
    const all = [load({ "x-echo-sse": "16/500" }).openLoop(5, () => done), load().openLoop(100, () => done)];
    for (const [at, picker] of pickers.entries()) {
      await picker.metricBecomesAtLeast("pointsman_picks_total", 50);
      picker.signal("SIGTERM");
      expect(await picker.exited).toBe(0);
      pickers[at] = await start(picker.port);
      await pickers[at].metricBecomesAtLeast("pointsman_picks_total", 50);
    }
    done = true;
    const outcomes = await Promise.all(all);
    expect(outcomes.map((each) => [...each.keys()])).toEqual([["200"], ["200"]]);
  });

  test("one that is killed takes no request with it that began when it was gone, and those it had fail closed", async () => {
    const [first] = pickers;
    let done = false;
    let gone = false;
    const [before, after] = [load(), load()];
    const clients = 6;
    const client = async () => {
      while (!done) await (gone ? after : before).one();
    };
    const all = Promise.all(Array.from({ length: clients }, client));
    await first!.metricBecomesAtLeast("pointsman_picks_total", 50);
    await first!.kill();
    gone = true;
    await becomesLeft(true, first!.address);
    const picked = await pickers[1]!.metric("pointsman_picks_total");
    await pickers[1]!.metricBecomesAtLeast("pointsman_picks_total", picked + 100);
    done = true;
    await all;
    expect([...after.outcomes.keys()]).toEqual(["200"]);
    const { "200": _well = 0, "503": refused = 0, ...others } = Object.fromEntries(before.outcomes);
    expect(others).toEqual({});
    // What each client had in hand, and what it began anew while the process was still going.
    expect(refused).toBeLessThanOrEqual(2 * clients);
  });
});

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { chatBody, Load } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} under load`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let asShipped: RunningEnvoy;
  let byDefaults: RunningEnvoy;

  beforeAll(async () => {
    pods = await startEchoPods(4);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address])];
    // Without our runtime flag Envoy resets every ext_proc stream when it is done with it.
    const resetting = { op: "remove", at: ["layered_runtime"] } as const;
    asShipped = await testEnvoy!.start({ config: renderEnvoyConfig("buffered.yaml", edits) });
    byDefaults = await testEnvoy!.start({ config: renderEnvoyConfig("buffered.yaml", [...edits, resetting]) });
  });

  afterAll(async () => {
    await asShipped?.stop();
    await byDefaults?.stop();
    await picker?.kill();
    await pods?.close();
  });

  test("20,000 requests at 64 at once survive Envoy's resets, and nothing stays in flight", async () => {
    let turn = 0;
    const load = new Load({ port: byDefaults.ports.get("requests")!, body: () => chatBody(turn++) });
    const picksBefore = await picker.metric("pointsman_picks_total");
    expect(await load.closedLoop(20_000, 64)).toEqual(new Map([["200", 20_000]]));
    load.stop();
    expect((await picker.metric("pointsman_picks_total")) - picksBefore).toBe(20_000);
    await picker.metricBecomes("pointsman_pod_in_flight", 0);
    // The proof that this Envoy does reset: its own count, beyond node's burst of 1000.
    const resets = /picker\.upstream_rq_tx_reset: (\d+)/.exec(await byDefaults.admin("/stats"));
    expect(Number(resets?.[1])).toBeGreaterThan(10_000);
  });

  test("1,500 event streams of ten seconds at once all end well, and nothing stays in flight", async () => {
    const headers = { "x-echo-sse": "10/1000" };
    const load = new Load({ port: asShipped.ports.get("requests")!, body: () => chatBody(1), headers });
    const all = load.closedLoop(1500, 1500);
    let most = 0;
    while (most < 1500) {
      most = Math.max(most, await picker.metric("pointsman_pod_in_flight"));
      await delay(50);
    }
    expect(await all).toEqual(new Map([["200", 1500]]));
    load.stop();
    await picker.metricBecomes("pointsman_pod_in_flight", 0);
    await picker.metricBecomes("pointsman_streams_open", 0);
  });

  test.each(["asShipped", "byDefaults"] as const)("5,000 clients that leave harm nobody else (%s)", async (which) => {
    const port = (which === "asShipped" ? asShipped : byDefaults).ports.get("requests")!;
    const steady = new Load({ port, body: () => chatBody(2) });
    const leaving = new Load({ port, body: () => chatBody(3), headers: { "x-echo-sse": "100/100" } });
    let left = 5000;
    const leave = async () => {
      while (left-- > 0)
        await leaving.abandonOne((["in the body", "after the body", "in the answer"] as const)[left % 3]!);
    };
    const allLeft = Promise.all(Array.from({ length: 250 }, leave));
    let done = false;
    const rest = steady.openLoop(200, () => done);
    await allLeft;
    done = true;
    const outcomes = await rest;
    expect([...outcomes.keys()]).toEqual(["200"]);
    steady.stop();
    leaving.stop();
    await picker.metricBecomes("pointsman_pod_in_flight", 0);
    await picker.metricBecomes("pointsman_streams_open", 0);
  });
});

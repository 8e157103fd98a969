import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { configOfModes, requestModes, responseModes } from "../support/envoy-modes.ts";
import { chatBody, Load } from "../support/load.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const IN_FLIGHT = "pointsman_in_flight";
const TICKETS = "pointsman_tickets_total";

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} and requests in flight`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    picker = await startPicker(["--pods", pods.addresses.join(","), "--refresh-metrics-interval=100ms"]);
    envoy = await testEnvoy!.start({
      config: configOfModes(requestModes, { pickers: [picker.address], pods: pods.addresses }),
    });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await pods?.close();
  });

  /** The pods' pages say that they are idle, so a scrape drops every estimate. */
  test.each([
    ["none", "estimate"],
    ["buffered", "stream"],
    ["buffered-partial", "stream"],
    ["streamed", "stream"],
    ["streamed-early", "estimate"],
    ["duplex", "estimate"],
    ["duplex-both", "stream"],
  ])("%s: an answer in progress counts by the %s, and no longer once it is over", async (mode, source) => {
    const headers = { "x-echo-sse": "10/100" };
    const load = new Load({ port: envoy.ports.get(mode)!, body: chatBody(1), headers });
    const before = await picker.metric(TICKETS, { source });
    const answer = load.one();
    await picker.metricBecomes(IN_FLIGHT, 1, { source });
    await answer;
    load.stop();
    await picker.metricBecomes(IN_FLIGHT, 0);
    await picker.metricBecomes("pointsman_pod_in_flight", 0);
    expect((await picker.metric(TICKETS, { source })) - before).toBe(1);
    expect([...load.outcomes]).toEqual([["200", 1]]);
  });
});

const closing = await findTestEnvoy("1.38.3");

describe.skipIf(closing === undefined)("Envoy 1.38.3, which ends a stream as soon as it needs no more of it", () => {
  test.each([
    ["after the body", "buffered", requestModes],
    ["after the answer's headers", "response-headers", responseModes],
  ])(
    "is found out where that is %s, and its requests are estimated from then on",
    async (_, name, modes) => {
      const pods = await startEchoPods(2);
      const picker = await startPicker(["--pods", pods.addresses.join(",")]);
      const envoy = await closing!.start({
        config: configOfModes(
          modes.filter((mode) => mode.name === name),
          { pickers: [picker.address], pods: pods.addresses },
        ),
      });
      try {
        const headers = { "x-echo-sse": "2/100" };
        const load = new Load({ port: envoy.ports.get(name)!, body: chatBody(1), headers });
        while ((await picker.metric(TICKETS, { source: "estimate" })) === 0) await load.one();
        load.stop();
        expect([...load.outcomes.keys()]).toEqual(["200"]);
      } finally {
        await envoy.stop();
        await picker.kill();
        await pods.close();
      }
    },
    120_000,
  );
});

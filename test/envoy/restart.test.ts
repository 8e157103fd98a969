import { describe, expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import { startEchoPods } from "../support/echo-backend.ts";
import { chatBody, Load } from "../support/load.ts";
import { startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const shipped = ["buffered.yaml", "duplex.yaml"];

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} with two pickers`, () => {
  test.each(shipped)("a restart of each in turn by SIGTERM loses no request (%s)", async (file) => {
    const pods = await startEchoPods(3);
    const flags = ["--pods", pods.addresses.join(","), "--drain-delay=3s"];
    const [first, second] = await Promise.all([startPicker(flags), startPicker(flags)]);
    const edits = [listenOn(0), adminOn(0), pickersAt([first.address, second.address])];
    const envoy = await testEnvoy!.start({ config: renderEnvoyConfig(file, edits) });
    const port = envoy.ports.get("requests")!;
    // Answers that outlast every step of a restart, beside short ones.
    const streams = new Load({ port, body: () => chatBody(1), headers: { "x-echo-sse": "16/500" } });
    const short = new Load({ port, body: () => chatBody(2) });
    let done = false;
    const allStreams = streams.openLoop(5, () => done);
    const allShort = short.openLoop(100, () => done);
    const restarted = [];
    try {
      for (const picker of [first, second]) {
        await picker.metricBecomesAtLeast("pointsman_picks_total", 50);
        picker.signal("SIGTERM");
        expect(await picker.exited).toBe(0);
        const again = await startPicker([...flags, `--grpc-port=${picker.port}`]);
        restarted.push(again);
        await again.metricBecomesAtLeast("pointsman_picks_total", 50);
      }
      done = true;
      const outcomes = [await allStreams, await allShort];
      expect(outcomes.map((each) => [...each.keys()])).toEqual([["200"], ["200"]]);
    } finally {
      done = true;
      streams.stop();
      short.stop();
      await envoy.stop();
      await Promise.all([first, second, ...restarted].map((picker) => picker.kill()));
      await pods.close();
    }
  });
});

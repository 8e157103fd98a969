import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { chatBody, Load } from "../support/load.ts";
import { startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
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
    const load = new Load({ port, body: () => chatBody(turn++) });
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

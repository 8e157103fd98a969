/** Every config of deploy/envoy/ with traffic through it, and all that a gateway leaves behind: nothing is found. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pickersAt, podsAt } from "../../src/demo/envoy-config.ts";
import { examined, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";

const folder = new URL("../../deploy/envoy/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

test.each(files)("%s by itself, as it is shipped, has neither fault nor risk", (name) => {
  const { verdict, report } = examined([{ name, text: readFileSync(new URL(name, folder), "utf8") }]);
  expect([verdict.first, ...verdict.also, ...verdict.risks].filter(Boolean), report).toEqual([]);
  // Its way is known: what was looked at is the configuration, and no empty one.
  expect(report).toContain("longest body 33,619,968 bytes");
});

describe.skipIf(!(await hasEnvoy()))("a healthy set-up", () => {
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
  });

  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
  });

  const cases = [
    { shipped: "buffered.yaml", edits: () => [pickersAt([picker.address])] },
    { shipped: "duplex.yaml", edits: () => [pickersAt([picker.address])] },
    { shipped: "override-host.yaml", edits: () => [pickersAt([picker.address]), podsAt(pods.addresses)] },
    { shipped: "round-robin.yaml", edits: () => [podsAt(pods.addresses)] },
    { shipped: "shadow.yaml", edits: () => [pickersAt([picker.address]), podsAt(pods.addresses)] },
    // The picker's socket is a port here: who starts it has no say in the folder of the other container.
    { shipped: "sidecar.yaml", edits: () => [pickersAt([picker.address])] },
  ];
  const formats = ["envoy-gateway", "istio", "envoy"] as const;

  test.each(cases.flatMap((each) => formats.map((log) => ({ ...each, log }))))(
    "$shipped, with an access log as $log writes it, has neither fault nor risk",
    async ({ shipped, edits, log }) => {
      const rig = await startDoctorRig({ shipped, edits: edits(), log });
      try {
        expect(new Set(await rig.askTimes(5))).toEqual(new Set([200]));
        const page = { name: "picker-metrics.txt", text: await picker.page() };
        const { verdict, report, tookMs } = await rig.examine([page]);
        expect([verdict.first, ...verdict.also, ...verdict.risks].filter(Boolean), report).toEqual([]);
        expect(tookMs).toBeLessThan(5000);
      } finally {
        await rig.stop();
      }
    },
  );
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { configOfModes, type EnvoyMode, requestModes } from "../support/envoy-modes.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { type Relay, startRelay } from "../support/relay.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { describeCells, smallSizes } from "./body-mode-cells.ts";

const olderVersions = ["1.36.4", "1.37.0", "1.38.3"];
const older = await Promise.all(
  olderVersions.map(async (version) => ({ version, testEnvoy: await findTestEnvoy(version) })),
);
const newest = await findTestEnvoy();

describe.each(older)("Envoy $version", ({ testEnvoy }) => {
  describe.skipIf(testEnvoy === undefined)("with the picker", () => {
    let pods: EchoPods;
    let picker: PickerProcess;
    let envoy: RunningEnvoy;

    beforeAll(async () => {
      pods = await startEchoPods(2);
      picker = await startPicker(["--pods", pods.addresses.join(",")]);
      const around = { pickers: [picker.address], pods: pods.addresses };
      envoy = await testEnvoy!.start({ config: configOfModes(requestModes, around) });
    });

    afterAll(async () => {
      await envoy?.stop();
      await picker?.kill();
      await pods?.close();
    });

    describeCells(requestModes, smallSizes, () => ({ pods: pods.addresses, ports: envoy.ports }));
  });
});

/** Streamed-early cannot be told from duplex by watching: there the operator says which it is. */
const unstated: { title: string; flags: string[]; modes: (mode: EnvoyMode) => boolean }[] = [
  { title: "found out by watching", flags: [], modes: ({ name }) => name !== "streamed-early" },
  {
    title: "told by --assume-body-mode",
    flags: ["--assume-body-mode", "streamed-early"],
    modes: ({ name }) => name === "streamed-early",
  },
];

describe.skipIf(newest === undefined).each(unstated)("protocol_config missing: the mode is $title", (unstatedMode) => {
  // Duplex first: what one filter shows must not be taken for the habit of all behind the same connection.
  const modes = requestModes.filter(unstatedMode.modes).reverse();
  let pods: EchoPods;
  let picker: PickerProcess;
  let relay: Relay;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    picker = await startPicker(["--pods", pods.addresses.join(","), ...unstatedMode.flags]);
    relay = await startRelay(picker.address);
    const around = { pickers: [relay.address], pods: pods.addresses };
    envoy = await newest!.start({ config: configOfModes(modes, around) });
  });

  afterAll(async () => {
    await envoy?.stop();
    await relay?.close();
    await picker?.kill();
    await pods?.close();
  });

  describeCells(modes, smallSizes, () => ({ pods: pods.addresses, ports: envoy.ports }));

  test("every stream went through the relay without the field", () => {
    expect(relay.stripped).toBeGreaterThan(modes.length * smallSizes.length);
  });
});

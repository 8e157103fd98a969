import { describe, expect, test } from "vitest";
import { places } from "../../src/demo/envoy-config.ts";
import { startEchoPods } from "../support/echo-backend.ts";
import { configOfModes, requestModes, responseModes } from "../support/envoy-modes.ts";
import { chatBody, Load } from "../support/load.ts";
import { startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();

/** Answers every request before ext_proc sees it, as a failed authentication would. */
const refusing = {
  op: "add",
  at: [...places.hcm, "http_filters", 0],
  to: {
    name: "envoy.filters.http.fault",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
      abort: { http_status: 401, percentage: { numerator: 100 } },
    },
  },
} as const;

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version}, a filter in front that refuses`, () => {
  test("its answer passes the picker's response phase unharmed in every mode", async () => {
    const pods = await startEchoPods(1);
    const picker = await startPicker(["--pods", pods.addresses.join(",")]);
    const modes = [...requestModes, ...responseModes].map((mode) => ({ ...mode, edits: [...mode.edits, refusing] }));
    const envoy = await testEnvoy!.start({
      config: configOfModes(modes, { pickers: [picker.address], pods: pods.addresses }),
    });
    try {
      for (const { name } of modes) {
        const load = new Load({ port: envoy.ports.get(name)!, body: chatBody(1) });
        await load.one();
        load.stop();
        expect([name, ...load.outcomes.keys()]).toEqual([name, "401"]);
      }
      expect(await envoy.admin("/stats?filter=spurious_msgs_received")).not.toMatch(/: [1-9]/);
    } finally {
      await envoy.stop();
      await picker.kill();
      await pods.close();
    }
  });
});

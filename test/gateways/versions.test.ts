/** The shapes of all gateways with older Envoys: a request of every framing goes whole to the pod that the picker named. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { olderEnvoys } from "../../deploy/gateways/versions.ts";
import { startAiGatewayServer } from "../support/ai-gateway-server.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import type { ExtProcServer } from "../support/ext-proc-server.ts";
import { type GatewayShape, gatewayShapes } from "../support/gateway-shapes.ts";
import { ask, echoOf, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const PICKS = "pointsman_picks_total";
const body = chatOfSize(89);
const versions = await Promise.all(
  olderEnvoys.map(async (version) => ({ version, testEnvoy: await findTestEnvoy(version) })),
);

describe.each(versions)("Envoy $version", ({ testEnvoy }) => {
  const pickers = new Map<GatewayShape["flags"], PickerProcess>();
  let pods: EchoPods;
  let server: ExtProcServer;

  beforeAll(async () => {
    [pods, server] = await Promise.all([startEchoPods(2), startAiGatewayServer()]);
    for (const flags of new Set(gatewayShapes.map((shape) => shape.flags))) {
      pickers.set(flags, await startPicker([`--pods=${pods.addresses.join(",")}`, ...(flags ?? [])]));
    }
  });
  afterAll(async () => {
    await Promise.all([...pickers.values()].map((picker) => picker.kill()));
    server?.close();
    await pods?.close();
  });

  test.skipIf(testEnvoy === undefined).each(gatewayShapes)(
    "$name",
    async ({ configOf, flags, header = "x-gateway-destination-endpoint" }) => {
      const picker = pickers.get(flags)!;
      const config = configOf({ picker: picker.address, pods: pods.addresses, server: server.address });
      const envoy = await testEnvoy!.start({ config });
      try {
        const port = envoy.ports.get("requests")!;
        const before = await picker.metric(PICKS);
        for (const framing of framings) {
          const echo = echoOf(await ask({ port, framing, path: "/v1/chat/completions", body }));
          expect([framing, echo.bytes, echo.headers[header]]).toEqual([framing, body.length, echo.pod]);
        }
        expect((await picker.metric(PICKS)) - before).toBe(framings.length);
        expect(await picker.metric("pointsman_body_unseen_total")).toBe(0);
      } finally {
        await envoy.stop();
      }
    },
  );
});

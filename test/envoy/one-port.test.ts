import { describe, expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import { startEchoPods } from "../support/echo-backend.ts";
import { chatBody, Load } from "../support/load.ts";
import { startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();

const tls = {
  op: "add",
  at: [...places.picker, "transport_socket"],
  to: {
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext" },
  },
} as const;
/** Envoy resets every stream without it. */
const resetting = { op: "remove", at: ["layered_runtime"] } as const;
/** What a hand-written cluster often lacks. */
const http1 = { op: "remove", at: [...places.picker, "typed_extension_protocol_options"] } as const;
const unchecked = { op: "remove", at: [...places.picker, "health_checks"] } as const;

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} and one gRPC port`, () => {
  test.each([
    ["duplex.yaml over TLS beside buffered.yaml in the clear", "duplex.yaml", "buffered.yaml"],
    ["buffered.yaml over TLS beside duplex.yaml in the clear", "buffered.yaml", "duplex.yaml"],
  ])("%s: both are answered at once, resets and all", async (_, secure, clear) => {
    const pods = await startEchoPods(2);
    const picker = await startPicker(["--pods", pods.addresses.join(",")]);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), resetting];
    const [secureEnvoy, clearEnvoy] = await Promise.all([
      testEnvoy!.start({ config: renderEnvoyConfig(secure, [...edits, tls]) }),
      testEnvoy!.start({ config: renderEnvoyConfig(clear, edits) }),
    ]);
    try {
      let turn = 0;
      const loads = [secureEnvoy, clearEnvoy].map((envoy) => {
        const load = new Load({ port: envoy.ports.get("requests")!, body: () => chatBody(turn++) });
        return load.closedLoop(4000, 32).finally(() => load.stop());
      });
      const all = new Map([["200", 4000]]);
      expect(await Promise.all(loads)).toEqual([all, all]);
      expect(await secureEnvoy.admin("/stats?filter=picker.ssl.handshake")).toMatch(/handshake: [1-9]/);
    } finally {
      await Promise.all([secureEnvoy.stop(), clearEnvoy.stop()]);
      await picker.kill();
      await pods.close();
    }
  });

  test("a cluster that speaks HTTP/1.1 leaves a line that names the missing option", async () => {
    const pods = await startEchoPods(1);
    const picker = await startPicker(["--pods", pods.addresses.join(",")]);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), http1, unchecked];
    const envoy = await testEnvoy!.start({ config: renderEnvoyConfig("buffered.yaml", edits) });
    try {
      const load = new Load({ port: envoy.ports.get("requests")!, body: chatBody(0) });
      await load.one();
      load.stop();
      expect([...load.outcomes.keys()]).not.toContain("200");
      const line = await picker.line((each) => each["kind"] === "http1");
      expect(line["msg"]).toContain("http2_protocol_options");
    } finally {
      await envoy.stop();
      await picker.kill();
      await pods.close();
    }
  });
});

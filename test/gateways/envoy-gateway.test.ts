/** What Envoy Gateway makes of the shipped policies: pods known by their Service, overridden by the picker's header. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { gatewayDefaults } from "../support/client-traffic.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { type EnvoyGateway, envoyGateway } from "../support/envoy-gateway.ts";
import { ask, echoOf, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { nobody } from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const path = "/v1/chat/completions";
const body = chatOfSize(89);
const files = ["override.yaml", "duplex.yaml"] as const;

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as Envoy Gateway's`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(3);
    picker = await startPicker([`--pods=${pods.addresses.join(",")}`]);
  });
  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
  });

  async function withEnvoy(
    file: string,
    shape: Partial<EnvoyGateway>,
    run: (port: number, envoy: RunningEnvoy) => Promise<void>,
  ) {
    const around = { pickers: [picker.address], pods: pods.addresses, ...shape };
    const envoy = await testEnvoy!.start({ config: envoyGateway(file, around) });
    try {
      await run(envoy.ports.get("requests")!, envoy);
    } finally {
      await envoy.stop();
    }
  }

  const forged = (pod: string) => ({ "x-gateway-destination-endpoint": pod, "target-pod": pod });

  test.each(files)("%s: every framing is picked for, whatever pod its client names", (file) =>
    withEnvoy(file, {}, async (port) => {
      const before = await picker.metric("pointsman_picks_total", { reason: "scored" });
      for (const framing of framings) {
        const echo = echoOf(await ask({ port, framing, path, body, headers: forged("127.0.0.1:1") }));
        expect(echo.bytes).toBe(body.length);
        expect(echo.headers["x-gateway-destination-endpoint"]).toBe(echo.pod);
      }
      expect((await picker.metric("pointsman_picks_total", { reason: "scored" })) - before).toBe(framings.length);
    }),
  );

  test("override.yaml without a picker: the pods take turns, and no client chooses one", () =>
    withEnvoy("override.yaml", { pickers: [nobody] }, async (port) => {
      const [wanted] = pods.addresses;
      const seen = new Set<string>();
      for (let i = 0; i < 6; i++) {
        const answer = await ask({ port, framing: "h1 content-length", path, body, headers: forged(wanted!) });
        const echo = echoOf(answer);
        expect(echo.headers["x-gateway-destination-endpoint"]).toBeUndefined();
        seen.add(echo.pod);
      }
      expect([...seen].sort()).toEqual([...pods.addresses].sort());
    }));

  test.each(files)("%s without its EnvoyExtensionPolicy: the pods take turns", (file) =>
    withEnvoy(file, { pickers: [nobody], filtered: false }, async (port) => {
      const seen = new Set<string>();
      for (let i = 0; i < 6; i++) seen.add(echoOf(await ask({ port, framing: "h1 chunked", path, body })).pod);
      expect(seen.size).toBe(3);
    }),
  );

  test("duplex.yaml without a picker: an error, from no pod", () =>
    withEnvoy("duplex.yaml", { pickers: [nobody] }, async (port) => {
      const { status } = await ask({
        port,
        framing: "h1 content-length",
        path,
        body,
        headers: forged(pods.addresses[0]!),
      });
      expect(status).toBe(503);
    }));

  describe("bodies above the limits that Envoy Gateway sets without a policy", () => {
    const large = chatOfSize(1024 * 1024);

    test.each(files)("%s, with route.yaml: arrive whole in every framing", (file) =>
      withEnvoy(file, {}, async (port, envoy) => {
        for (const framing of framings) {
          const echo = echoOf(await ask({ port, framing, path, body: large }));
          expect([echo.sha256, echo.headers["x-gateway-destination-endpoint"]]).toEqual([sha256(large), echo.pod]);
        }
        expect(await envoy.admin("/stats?filter=ext_proc.*failure_mode_allowed")).toMatch(/: 0$/m);
      }),
    );

    test.each([
      { framing: "h1 content-length", bytes: 40_000 },
      { framing: "h2 content-length", bytes: 70_000 },
      { framing: "h2 no length", bytes: 70_000 },
    ] as const)("without it: $framing, $bytes bytes is 413", ({ framing, bytes }) =>
      withEnvoy("override.yaml", { limits: gatewayDefaults }, async (port) => {
        expect((await ask({ port, framing, path, body: chatOfSize(bytes) })).status).toBe(413);
      }),
    );

    test("without the window in it: HTTP/1.1 arrives, HTTP/2 is 413", () =>
      withEnvoy("override.yaml", { limits: { ...gatewayDefaults, bufferBytes: 33 * 2 ** 20 } }, async (port) => {
        const statuses = ["h1 content-length", "h2 content-length"] as const;
        const answers = await Promise.all(statuses.map((framing) => ask({ port, framing, path, body: large })));
        expect(answers.map(({ status }) => status)).toEqual([200, 413]);
      }));
  });
});

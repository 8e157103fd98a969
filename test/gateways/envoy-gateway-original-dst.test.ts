/** What the shipped EnvoyPatchPolicy makes of Envoy Gateway's routes: the picked pod or none, and the layer that failed is named. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { type PatchedGateway, patchedGateway } from "../support/envoy-gateway.ts";
import { type Answer, ask, echoOf, type Framing, framings } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { nobody } from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const body = chatOfSize(89);
const destination = "x-gateway-destination-endpoint";
describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} as Envoy Gateway's, patched`, () => {
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

  async function withEnvoy(shape: Partial<PatchedGateway>, run: (port: number) => Promise<void>): Promise<void> {
    const envoy = await testEnvoy!.start({
      config: patchedGateway({ picker: picker.address, pods: pods.addresses, ...shape }),
    });
    try {
      await run(envoy.ports.get("requests")!);
    } finally {
      await envoy.stop();
    }
  }

  const send = (port: number, framing: Framing = "h1 content-length", what = body): Promise<Answer> =>
    ask({ port, framing, path: "/v1/chat/completions", body: what, headers: { [destination]: pods.addresses[0]! } });

  function expectNamed(answer: Answer, code: string): void {
    expect([answer.status, answer.headers["x-pointsman-error"]]).toEqual([503, code]);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code, param: null } });
  }

  async function expectTurns(port: number): Promise<void> {
    const seen = new Set<string>();
    for (let i = 0; i < 6; i++) seen.add(echoOf(await send(port)).pod);
    expect(seen.size).toBe(3);
  }

  test("every framing goes to the picked pod, whatever its client names", () =>
    withEnvoy({}, async (port) => {
      const before = await picker.metric("pointsman_picks_total", { reason: "scored" });
      for (const framing of framings) {
        const echo = echoOf(await send(port, framing));
        expect([echo.headers[destination], echo.bytes]).toEqual([echo.pod, body.length]);
      }
      expect((await picker.metric("pointsman_picks_total", { reason: "scored" })) - before).toBe(framings.length);
    }));

  test.each(["h1 chunked", "h2 content-length", "h2 no length"] as const)(
    "%s: a long prompt arrives whole",
    (framing) =>
      withEnvoy({}, async (port) => {
        const large = chatOfSize(1024 * 1024);
        expect(echoOf(await send(port, framing, large)).sha256).toBe(sha256(large));
      }),
  );

  test("the picker's own refusal passes as it is", () =>
    withEnvoy({}, async (port) => {
      const { status, headers } = await send(port, "h1 chunked", Buffer.from("{bad"));
      expect([status, headers["x-pointsman-error"]]).toEqual([400, "malformed_json"]);
    }));

  test("a picker that is gone is an error that says so, from no pod", () =>
    withEnvoy({ picker: nobody }, async (port) => expectNamed(await send(port), "picker_unreachable")));

  describe("bypassed", () => {
    test("with the EnvoyPatchPolicy gone the pods take turns, the picker asked or not", async () => {
      await withEnvoy({ patched: false }, expectTurns);
      await withEnvoy({ patched: false, filtered: false, picker: nobody }, expectTurns);
    });

    test("in the wrong order requests fail, and say that nobody was asked", () =>
      withEnvoy({ filtered: false }, async (port) => expectNamed(await send(port), "picker_skipped")));
  });
});

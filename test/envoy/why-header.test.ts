/** The header that says why a request went where it did, as clients get it through a real Envoy. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { configOfModes, requestModes, responseModes } from "../support/envoy-modes.ts";
import { ask } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
/** The last of the request modes is duplex in both directions. */
const modes = [...responseModes, ...requestModes.slice(-1)];
/** The picker is not shown answers there. */
const HIDDEN = "response-off";

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version}, x-pointsman-why`, () => {
  let pods: FakePod[];
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await Promise.all(["a", "b"].map((name) => startFakePod({ name, model: "m" })));
    const addresses = pods.map(({ address }) => address);
    picker = await startPicker([
      "--pods",
      addresses.map((address, i) => `pod-${i}=${address}`).join(","),
      "--why-header",
    ]);
    await picker.line((line) => "models" in line);
    envoy = await testEnvoy!.start({ config: configOfModes(modes, { pickers: [picker.address], pods: addresses }) });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await Promise.all(pods?.map((pod) => pod.stop()) ?? []);
  });

  const send = (mode: string, model: string) =>
    ask({
      port: envoy.ports.get(mode)!,
      framing: "h1 content-length",
      path: "/v1/completions",
      body: Buffer.from(JSON.stringify({ model, prompt: "CANARY ".repeat(100), max_tokens: 4 })),
      headers: { "content-type": "application/json" },
    });

  test.each(modes.map(({ name }) => name))("is at the answer where the picker is shown that: %s", async (mode) => {
    const { status, headers } = await send(mode, "m");
    expect(status).toBe(200);
    const why = headers["x-pointsman-why"];
    if (mode === HIDDEN) expect(why).toBeUndefined();
    else expect(why).toMatch(/^pod=pod-[01]; reason=scored; of=2; score=\d.*; queue-depth=/);
    expect(String(why)).not.toContain("CANARY");
  });

  test.each(modes.map(({ name }) => name))("is at the picker's own errors in any mode: %s", async (mode) => {
    const { status, headers } = await send(mode, "unknown");
    expect(status).toBe(404);
    expect(headers["x-pointsman-why"]).toBe("refused=model_not_found; pool=default; pods=2");
  });
});

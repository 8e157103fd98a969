/** A picker that tells Envoy's routes the model, in the same stream that names the pod. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { ask, echoOf } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const HEADER = "x-my-model";
const ownRoute = {
  match: { prefix: "/", headers: [{ name: HEADER, string_match: { exact: "apart" } }] },
  direct_response: { status: 418 },
};
const routed: Edit = {
  op: "add",
  at: [...places.hcm, "route_config", "virtual_hosts", "all", "routes", 0],
  to: ownRoute,
};

describe.skipIf(testEnvoy === undefined).each(["buffered.yaml", "duplex.yaml"])("--model-header with %s", (file) => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await startEchoPods(1);
    picker = await startPicker([`--pods=${pods.addresses[0]}`, `--model-header=${HEADER}`]);
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), routed];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig(file, edits) });
  }, 60_000);
  afterAll(async () => {
    await envoy?.stop();
    await Promise.all([picker?.kill(), pods?.close()]);
  });

  const send = (model: string, headers: Record<string, string> = {}) => {
    const body = Buffer.from(JSON.stringify({ model, messages: [] }));
    const port = envoy.ports.get("requests") ?? 0;
    return ask({ port, framing: "h1 content-length", path: "/v1/chat/completions", body, headers });
  };

  test("has a request go where the route for its model leads", async () => {
    expect((await send("apart")).status).toBe(418);
    expect(echoOf(await send("other")).headers[HEADER]).toBe("other");
  });

  test("heeds no word of the client's there", async () => {
    expect(echoOf(await send("other", { [HEADER]: "apart" })).headers[HEADER]).toBe("other");
    expect((await send("apart", { [HEADER]: "other" })).status).toBe(418);
  });

  test("tells none where there is none", async () => {
    const port = envoy.ports.get("requests") ?? 0;
    const answer = await ask({
      ...{ port, framing: "h1 content-length", path: "/anything", body: Buffer.from("x") },
      headers: { [HEADER]: "apart" },
    });
    expect(echoOf(answer).headers).not.toHaveProperty(HEADER);
  });
});

/** sidecar.yaml: the picker behind a Unix socket, as two containers of a pod have it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { ask, echoOf } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const endpoint = [...places.picker, "load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint", "address"];

describe.skipIf(testEnvoy === undefined)("sidecar.yaml", () => {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-sidecar-"));
  const socket = join(folder, "picker.sock");
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  const start = () => startPicker(["--pods", pods.addresses.join(","), `--grpc-socket=${socket}`]);

  beforeAll(async () => {
    pods = await startEchoPods(2);
    picker = await start();
    const at: Edit = { op: "set", at: [...endpoint, "pipe", "path"], to: socket };
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig("sidecar.yaml", [listenOn(0), adminOn(0), at]) });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await pods?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const send = (bytes: number) =>
    ask({
      port: envoy.ports.get("requests")!,
      framing: "h1 content-length",
      path: "/v1/chat/completions",
      body: chatOfSize(bytes),
    });

  test.each([89, 1024 * 1024])("sends a body of %i bytes to the picked pod whole", async (bytes) => {
    const echo = echoOf(await send(bytes));
    expect(echo.sha256).toBe(sha256(chatOfSize(bytes)));
    expect(echo.headers["x-gateway-destination-endpoint"]).toBe(echo.pod);
  });

  test("fails closed while the socket is dead, and serves again with the next picker on it", async () => {
    await picker.kill();
    expect((await send(89)).status).toBe(503);
    picker = await start();
    expect((await send(89)).status).toBe(200);
  });
});

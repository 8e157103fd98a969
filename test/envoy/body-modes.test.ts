import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { configOfModes, requestModes, responseModes, watchingMode } from "../support/envoy-modes.ts";
import { ask, type Framing } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { allSizes, describeCells, smallSizes } from "./body-mode-cells.ts";

const testEnvoy = await findTestEnvoy();

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version}`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await startEchoPods(3);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
    const config = configOfModes([...requestModes, watchingMode, ...responseModes], {
      pickers: [picker.address],
      pods: pods.addresses,
    });
    envoy = await testEnvoy!.start({ config });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await pods?.close();
  });

  const running = () => ({ pods: pods.addresses, ports: envoy.ports });

  describe("request", () => describeCells([...requestModes, watchingMode], allSizes, running));

  describe("response", () => {
    describeCells(responseModes, smallSizes, running);

    const cases = responseModes
      .concat(requestModes.slice(-1))
      .flatMap(({ name }) => (["h1 content-length", "h2 no length"] as const).map((framing) => ({ name, framing })));
    const body = allSizes[1]!.body;
    const askFor = (name: string, framing: Framing, headers: Record<string, string>) =>
      ask({ port: envoy.ports.get(name)!, framing, path: "/v1/chat/completions", body, headers });

    test.each(cases)(
      "$name: 1 MiB of answer and its trailer reach an $framing client whole",
      async ({ name, framing }) => {
        const answer = await askFor(name, framing, { "x-echo-plain": String(1024 * 1024) });
        expect(answer.status).toBe(200);
        expect(sha256(answer.body)).toBe(answer.headers["x-echo-sha256"]);
        expect(answer.trailers["x-echo-trailer"]).toBe(answer.headers["x-echo-sha256"]);
      },
    );

    test.each(cases)("$name: an event stream reaches an $framing client whole", async ({ name, framing }) => {
      const answer = await askFor(name, framing, { "x-echo-sse": "20/5" });
      const events = Array.from({ length: 20 }, (_, i) => `data: {"event":${i}}\n\n`).join("");
      expect(answer.body.toString()).toBe(`${events}data: [DONE]\n\n`);
    });
  });

  test("no stream failed, and Envoy found every reply in place", async () => {
    const stats = await envoy.admin("/stats?filter=ext_proc.*(streams_failed|spurious|timeouts|rejected|failure_mode)");
    const counted = stats.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"));
    expect(counted).toEqual([]);
    expect(await envoy.admin("/stats?filter=ext_proc.*streams_started")).toMatch(/streams_started: [1-9]/);
  });

  test("the picker ends up with no request open", () => picker.metricBecomes("pointsman_streams_open", 0));
});

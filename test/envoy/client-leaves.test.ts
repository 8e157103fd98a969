/** What a client that leaves, and an Envoy that dies, look like to the picker; and that an empty body is a request. */
import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { configOfModes, requestModes } from "../support/envoy-modes.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const ENDED = "pointsman_streams_ended_total";
const PICKS = "pointsman_picks_total";
const OPEN = "pointsman_streams_open";
const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
const chunked = `${head}transfer-encoding: chunked\r\n\r\n`;

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version} and clients that leave`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
    envoy = await testEnvoy!.start({
      config: configOfModes(requestModes, { pickers: [picker.address], pods: pods.addresses }),
    });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await pods?.close();
  });

  function send(mode: string, bytes: string): Promise<net.Socket> {
    const socket = net.connect(envoy.ports.get(mode)!, "127.0.0.1", () => socket.write(bytes));
    socket.on("error", () => {});
    return new Promise((resolve) => socket.once("connect", () => resolve(socket)));
  }

  test.each([
    ["buffered", "before the body", chunked],
    ["buffered", "in the middle of it", `${chunked}5\r\n{"a":\r\n`],
    ["buffered", "before a body of a length", `${head}content-length: 100\r\n\r\n`],
    ["buffered-partial", "in the middle of it", `${chunked}5\r\n{"a":\r\n`],
    ["duplex-both", "in the middle of it", `${chunked}5\r\n{"a":\r\n`],
  ])(
    "%s: a client that leaves %s is a stream without an answer that ends in order, and no pick",
    async (mode, _, bytes) => {
      const gone = { cause: "half-close", answered: "false" };
      const [before, picks] = [await picker.metric(ENDED, gone), await picker.metric(PICKS)];
      const client = await send(mode, bytes);
      await picker.metricBecomes(OPEN, 1);
      client.destroy();
      await picker.metricBecomes(OPEN, 0);
      expect((await picker.metric(ENDED, gone)) - before).toBe(1);
      expect((await picker.metric(PICKS)) - picks).toBe(0);
      expect(await picker.metric("pointsman_in_flight")).toBe(0);
    },
  );

  test.each(["buffered", "buffered-partial", "duplex-both"])(
    "%s: a request with an empty body is picked for",
    async (mode) => {
      const picks = await picker.metric(PICKS, { reason: "no_prompt" });
      const client = await send(mode, `${chunked}0\r\n\r\n`);
      const [answer] = await new Promise<[Buffer]>((resolve) => client.once("data", (bytes) => resolve([bytes])));
      expect(answer.toString("latin1", 0, 15)).toBe("HTTP/1.1 200 OK");
      client.destroy();
      await picker.metricBecomes(OPEN, 0);
      expect((await picker.metric(PICKS, { reason: "no_prompt" })) - picks).toBe(1);
    },
  );

  test("an Envoy that dies is a stream that is cancelled", async () => {
    const before = await picker.metric(ENDED, { cause: "cancel" });
    const client = await send("buffered", chunked);
    await picker.metricBecomes(OPEN, 1);
    process.kill(envoy.pid, "SIGKILL");
    await picker.metricBecomes(OPEN, 0);
    expect((await picker.metric(ENDED, { cause: "cancel", answered: "false" })) - before).toBe(1);
    client.destroy();
  });
});

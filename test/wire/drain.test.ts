/** SIGTERM: Envoy gets time to turn elsewhere, what is open is finished, and the process ends with 0. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import * as envoy from "../support/envoy-messages.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";

const readiness = "envoy.service.ext_proc.v3.ExternalProcessor";
const isDraining = (line: Readonly<Record<string, unknown>>) => line["msg"] === "draining";

let picker: PickerProcess;
let client: ExtProcClient;

beforeEach(() => {
  client = connectExtProc({ address: "127.0.0.1:1" });
});
afterEach(async () => {
  client.close();
  await picker.kill();
});

async function start(...flags: string[]): Promise<void> {
  picker = await startPicker(["--pods=127.0.0.1:1", ...flags]);
  client = connectExtProc({ address: picker.address });
  await client.ready(20_000);
}

test("serve keeps answering while its readiness says NOT_SERVING, until the delay is over", async () => {
  await start("--drain-delay=1h", "--drain-timeout=1h");
  picker.signal("SIGTERM");
  await picker.line(isDraining);
  expect(await client.checkHealth(readiness)).toBe("NOT_SERVING");
  expect(await client.checkHealth("liveness")).toBe("SERVING");
  const stream = client.process();
  stream.send(envoy.requestHeaders({ endOfStream: true }));
  expect((await stream.reply())?.response).toBe("request_headers");
  stream.halfClose();
  expect(await stream.ended).toMatchObject({ code: 0 });
});

test.each(["SIGUSR1", "SIGUSR2"] as const)(
  "serve lives through %s, opens no debugger for it, and drains later",
  async (signal) => {
    await start();
    picker.signal(signal);
    expect(await client.checkHealth(readiness)).toBe("SERVING");
    picker.signal(signal);
    picker.signal("SIGTERM");
    expect(await picker.exited).toBe(0);
    expect(picker.log.filter((line) => "stderr" in line)).toEqual([]);
  },
);

test("serve finishes a request that waits for its body, then ends with 0", async () => {
  await start("--drain-timeout=1h");
  const stream = client.process();
  stream.send(envoy.requestHeaders());
  await stream.reply();
  picker.signal("SIGTERM");
  await picker.line(isDraining);
  stream.send(envoy.requestBody(envoy.chatBody()));
  expect((await stream.reply())?.response).toBe("request_body");
  // Nobody half-closes: Envoy keeps a buffered stream until the response is over. The picker lets go of it itself.
  expect(await stream.ended).toMatchObject({ code: 0 });
  client.close();
  expect(await picker.exited).toBe(0);
});

test("serve takes connections for the whole delay, also when none was open before", async () => {
  picker = await startPicker(["--pods=127.0.0.1:1", "--drain-delay=1h", "--drain-timeout=1h"]);
  picker.signal("SIGTERM");
  await picker.line(isDraining);
  client = connectExtProc({ address: picker.address });
  expect(await client.checkHealth(readiness)).toBe("NOT_SERVING");
  client.close();
  client = connectExtProc({ address: picker.address });
  const stream = client.process();
  stream.send(envoy.requestHeaders({ endOfStream: true }));
  expect((await stream.reply())?.response).toBe("request_headers");
});

test("serve ends with 0 when nothing is connected and the delay is over", async () => {
  await start("--drain-delay=0s", "--drain-timeout=1h");
  client.close();
  picker.signal("SIGINT");
  expect(await picker.exited).toBe(0);
});

test("serve ends a stream that hangs when the drain timeout is over", async () => {
  await start("--drain-timeout=100ms");
  const stream = client.process();
  stream.send(envoy.requestHeaders({ mode: "FULL_DUPLEX_STREAMED" }));
  stream.send(envoy.requestBody("{", false));
  await picker.metricBecomes("pointsman_buffered_bytes", 1);
  picker.signal("SIGTERM");
  expect(await picker.exited).toBe(0);
  expect((await stream.ended).code).not.toBe(0);
});

test("serve ends with 1 when it is asked again, but not by a signal that comes twice", async () => {
  await start("--drain-delay=1h", "--drain-timeout=1h");
  picker.signal("SIGTERM");
  picker.signal("SIGINT");
  await picker.line(isDraining);
  const asking = setInterval(() => picker.signal("SIGTERM"), 100);
  expect(await picker.exited).toBe(1);
  clearInterval(asking);
});

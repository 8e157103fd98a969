import { afterAll, beforeAll, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { headerMap } from "../../src/ext-proc/messages.ts";
import { type FakePod, type PickerProcess, startFakePods, startPicker } from "../support/picker-process.ts";

const SECRET = "xyzzy-prompt";
const KEY = "Bearer xyzzy-key";
const BUFFERED = { request_body_mode: "BUFFERED", response_body_mode: "NONE" } as const;

let pods: FakePod[];
let picker: PickerProcess;
let client: ExtProcClient;

beforeAll(async () => {
  pods = await startFakePods(1);
  picker = await startPicker(["-v=5", "--pods", pods[0]!.address]);
  client = connectExtProc({ address: picker.address });
});

afterAll(async () => {
  client?.close();
  await picker?.kill();
  for (const pod of pods ?? []) pod.close();
});

async function play(body: string): Promise<void> {
  const stream = client.process();
  const headers = headerMap({ ":path": "/v1/completions", authorization: KEY, cookie: SECRET, "x-request-id": "id-1" });
  stream.send({ request_headers: { headers }, protocol_config: BUFFERED });
  await stream.reply();
  stream.send({ request_body: { body: Buffer.from(body), end_of_stream: true } });
  await stream.reply();
  stream.halfClose();
  await stream.ended;
}

test("no prompt, key or cookie reaches the log, whatever becomes of the request", async () => {
  const prompt = JSON.stringify(`${SECRET} and more`);
  await play(`{"model":"m","prompt":${prompt}}`);
  await play(`{"model":"m","prompt":${prompt}`);
  await play(`{"prompt":${prompt}}`);
  await play(`{"model":"m","prompt":["${SECRET}",{"${SECRET}":1}]}`);
  const cut = client.process();
  const headers = headerMap({ ":path": "/v1/completions", "content-length": "9" });
  cut.send({ request_headers: { headers }, protocol_config: BUFFERED });
  await cut.reply();
  cut.cancel();
  await picker.line((line) => line["msg"] === "a stream ended without our answer");
  expect(picker.log.filter((line) => line["msg"] === "stream ended")).toHaveLength(4);
  expect(JSON.stringify(picker.log)).not.toMatch(/xyzzy/);
});

test("a stream that ends without our answer leaves a line: peer, first message, mode, attributes and status", async () => {
  const stream = client.process();
  const headers = headerMap({ ":path": "/v1/completions", "content-length": "9", "x-request-id": "id-2" });
  stream.send({ request_headers: { headers }, protocol_config: BUFFERED });
  await stream.reply();
  stream.halfClose();
  expect((await stream.ended).code).toBe(0);
  const line = await picker.line(
    ({ msg, requestId }) => msg === "a stream ended without our answer" && requestId === "id-2",
  );
  expect(line).toMatchObject({
    level: 30,
    peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    first: "request_headers",
    attributes: false,
    mode: "buffered/none",
    cause: "half-close",
    grpcStatus: 0,
  });
});

test("-v 5 says a line per message and per stream, with peer, first message, mode and status", async () => {
  await play('{"model":"m","prompt":"p"}');
  expect(picker.log).toContainEqual(expect.objectContaining({ msg: "message", kind: "request_body" }));
  expect(picker.log).toContainEqual(expect.objectContaining({ msg: "picked", requestId: "id-1", reason: "scored" }));
  expect(picker.log).toContainEqual(
    expect.objectContaining({
      msg: "stream ended",
      requestId: "id-1",
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      first: "request_headers",
      attributes: false,
      mode: "buffered/none",
      grpcStatus: 0,
    }),
  );
});

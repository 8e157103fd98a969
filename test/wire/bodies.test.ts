/** Bodies that are not plain JSON, through the real gRPC server: what they say decides the pick as if they were. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient } from "../../src/ext-proc/client.ts";
import { mutatedHeaders, type ProcessingResponse } from "../../src/ext-proc/messages.ts";
import * as envoy from "../support/envoy-messages.ts";
import { type FakePod, type PickerProcess, startFakePods, startPicker } from "../support/picker-process.ts";
import { EMBED_PATH, GENERATE_PATH, generateCall } from "../support/vllm-grpc.ts";

const DESTINATION = "x-gateway-destination-endpoint";
const BODY_LIMIT = 4 * 1024 * 1024;
const modes = ["BUFFERED", "FULL_DUPLEX_STREAMED"] as const;
type Mode = (typeof modes)[number];
type Headers = Readonly<Record<string, string>>;
const grpc = { "content-type": "application/grpc", model: "chat" };
const gzip = { "content-encoding": "gzip" };

let folder: string;
let pods: FakePod[];
let picker: PickerProcess;
let client: ExtProcClient;
/** The addresses of the pool named so. */
let pools: { speech: string[]; chat: string[] };

beforeAll(async () => {
  pods = await startFakePods(5);
  const addresses = pods.map((pod) => pod.address);
  pools = { speech: addresses.slice(0, 1), chat: addresses.slice(1) };
  folder = mkdtempSync(path.join(tmpdir(), "pointsman-bodies-"));
  const file = path.join(folder, "pools.yaml");
  const named = Object.entries(pools).map(
    ([name, list]) => `  - {name: ${name}, pods: {static: [${list.join(", ")}]}}`,
  );
  writeFileSync(file, ["pools:", ...named, ""].join("\n"));
  const flags = [`--body-limit=${BODY_LIMIT}`, "--answer-deadline=20s", "--refresh-metrics-interval=50ms"];
  picker = await startPicker([`--config-file=${file}`, ...flags]);
  client = connectExtProc({ address: picker.address });
  await client.ready(20_000);
});
afterAll(async () => {
  client?.close();
  await picker?.kill();
  for (const pod of pods ?? []) pod.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await picker.metricBecomes("pointsman_streams_open", 0);
  await picker.metricBecomes("pointsman_buffered_bytes", 0);
  expect(await picker.metric("pointsman_faults_total")).toBe(0);
});

/** Sends the request as Envoy does in this mode, and gives the reply that names a pod, or refuses. */
async function answerTo(mode: Mode, url: string, headers: Headers, body: Buffer): Promise<ProcessingResponse> {
  const stream = client.process();
  const contentLength = mode === "BUFFERED" ? { contentLength: body.length } : {};
  stream.send(envoy.requestHeaders({ path: url, mode, headers, ...contentLength }));
  if (mode === "BUFFERED") expect((await stream.reply())?.response).toBe("request_headers");
  const pieceBytes = mode === "BUFFERED" ? body.length : 60_000;
  for (let at = 0; at < body.length; at += pieceBytes) {
    stream.send(envoy.requestBody(body.subarray(at, at + pieceBytes), at + pieceBytes >= body.length));
  }
  const reply = await stream.reply();
  stream.cancel();
  await stream.ended;
  if (reply === undefined) throw new Error("the stream ended without an answer");
  return reply;
}

async function podFor(mode: Mode, url: string, headers: Headers, body: Buffer | string): Promise<string | undefined> {
  return mutatedHeaders(await answerTo(mode, url, headers, Buffer.from(body))).get(DESTINATION);
}

/** A prompt of many blocks that no other test has. */
const prompt = (name: string) => `${name}: `.padEnd(4000, `the story of ${name}, told at length. `);

describe.each(modes)("in %s", (mode) => {
  const form = (model: string, file: Buffer) => {
    const field = (head: string, content: string | Buffer) => [
      `--b x\r\nContent-Disposition: form-data; ${head}\r\n\r\n`,
      content,
      "\r\n",
    ];
    const parts = [...field('name="file"; filename="a.wav"', file), ...field('name="model"', model), "--b x--\r\n"];
    return Buffer.concat(parts.map((part) => Buffer.from(part)));
  };
  const type = { "content-type": 'multipart/form-data; boundary="b x"' };

  test("a form goes to the pool of the model that stands behind its file", async () => {
    const file = Buffer.alloc(1024 * 1024, "\r\n--b\r\nnot a part");
    for (const model of ["speech", "chat"] as const) {
      for (const url of ["/v1/audio/transcriptions", "/v1/images/edits"]) {
        expect(pools[model]).toContain(await podFor(mode, url, type, form(model, file)));
      }
    }
  });

  test("a form that cannot be read goes by the model's header", async () => {
    const before = await picker.metric("pointsman_body_unread_total", { why: "form_broken" });
    const headers = { ...type, "x-ai-eg-model": "speech" };
    expect(await podFor(mode, "/v1/audio/translations", headers, "no form")).toBe(pools.speech[0]);
    expect(await picker.metric("pointsman_body_unread_total", { why: "form_broken" })).toBe(before + 1);
  });

  test("a gRPC Generate goes to the pod that has its prefix, text and tokens alike", async () => {
    for (let round = 0; round < 6; round++) {
      const text = prompt(`${mode} ${round}`);
      const tokens = Array.from({ length: 900 }, (_, i) => (i * 7919 + round + mode.length * 31) % 50_000);
      const first = await podFor(mode, GENERATE_PATH, grpc, generateCall({ text }));
      expect(pools.chat).toContain(first);
      expect(await podFor(mode, GENERATE_PATH, grpc, generateCall({ text: `${text} And then?`, maxTokens: 9 }))).toBe(
        first,
      );
      const other = await podFor(mode, GENERATE_PATH, grpc, generateCall({ tokens }));
      expect(await podFor(mode, GENERATE_PATH, grpc, generateCall({ tokens: [...tokens, 1, 2], stream: true }))).toBe(
        other,
      );
    }
    expect(await podFor(mode, EMBED_PATH, { ...grpc, model: "speech" }, generateCall({ tokens: [1] }))).toBe(
      pools.speech[0],
    );
  });

  test.each([
    ["gzip", zlib.gzipSync],
    ["deflate", zlib.deflateSync],
    ["br", zlib.brotliCompressSync],
  ])("a body in %s goes where the same one went plain, small or large", async (coding, deflate) => {
    const headers = { "content-encoding": coding };
    for (let round = 0; round < 4; round++) {
      for (const bytes of [4000, 300_000]) {
        const body = envoy.chatBody(prompt(`${mode} ${coding} ${round}`).padEnd(bytes, " and so on"), "chat");
        const plain = await podFor(mode, "/v1/chat/completions", {}, body);
        expect(pools.chat).toContain(plain);
        expect(await podFor(mode, "/v1/chat/completions", headers, deflate(body))).toBe(plain);
      }
    }
    const toOther = deflate(envoy.chatBody("hi", "speech"));
    expect(await podFor(mode, "/v1/chat/completions", headers, toOther)).toBe(pools.speech[0]);
  });

  test("a gzip bomb is refused at the limit, as it would be plain, and costs nobody else a thing", async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024, 32));
    const bombs = Array.from({ length: 4 }, () => answerTo(mode, "/v1/chat/completions", gzip, bomb));
    const meanwhile = podFor(mode, "/v1/chat/completions", {}, envoy.chatBody("hi", "speech"));
    for (const reply of await Promise.all(bombs)) expect(reply.immediate_response?.status?.code).toBe(413);
    expect(await meanwhile).toBe(pools.speech[0]);
  });

  test("a body that is not in its coding goes by load", async () => {
    const headers = { ...gzip, model: "speech" };
    expect(await podFor(mode, "/v1/chat/completions", headers, "no gzip")).toBe(pools.speech[0]);
    expect(await picker.metric("pointsman_picks_total", { reason: "body_unread" })).toBeGreaterThan(0);
  });
});

describe("where no body is shown", () => {
  async function answerWithHeaders(headers: Headers): Promise<ProcessingResponse | undefined> {
    const stream = client.process();
    stream.send(envoy.requestHeaders({ mode: "NONE", headers }));
    const reply = await stream.reply();
    stream.cancel();
    await stream.ended;
    return reply;
  }

  test.each(["model", "x-ai-eg-model"])("the header %s names the model", async (name) => {
    for (const model of ["speech", "chat"] as const) {
      const reply = await answerWithHeaders({ [name]: model });
      expect(pools[model]).toContain(reply && mutatedHeaders(reply).get(DESTINATION));
    }
  });

  test("a request without such a header is told that it names no pool", async () => {
    const reply = await answerWithHeaders({ "x-model": "speech" });
    expect(JSON.parse(String(reply?.immediate_response?.body)).error.code).toBe("pool_unknown");
  });
});

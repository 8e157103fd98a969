/** Bodies that the picker reads without being plain JSON, through a real Envoy: every byte arrives as it was sent. */
import zlib from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { configOfModes, requestModes } from "../support/envoy-modes.ts";
import { ask, echoOf, type Framing } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { Random } from "../support/random.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { GENERATE_PATH, generateCall } from "../support/vllm-grpc.ts";

const testEnvoy = await findTestEnvoy();
const modes = requestModes.filter(({ name }) => ["buffered", "streamed-early", "duplex-both"].includes(name));

const chat = chatOfSize(1_000_000);
const sound = new Random(3).bytes(2_000_000);
const form = Buffer.concat([
  Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'),
  sound,
  Buffer.from('\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n--b--\r\n'),
]);

interface Sent {
  readonly title: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly framing: Framing;
  /** Why the pod was picked the way it was, where the body is seen in time. */
  readonly reason: string;
}

const bodies: readonly Sent[] = [
  {
    ...{ title: "gzip JSON", path: "/v1/chat/completions", headers: { "content-encoding": "gzip" } },
    ...{ body: zlib.gzipSync(chat), framing: "h1 content-length", reason: "scored" },
  },
  {
    ...{ title: "chunked brotli JSON", path: "/v1/chat/completions", headers: { "content-encoding": "br" } },
    ...{ body: zlib.brotliCompressSync(chat), framing: "h1 chunked + trailers", reason: "scored" },
  },
  {
    ...{ title: "a form of 2 MB", path: "/v1/audio/transcriptions" },
    ...{ headers: { "content-type": "multipart/form-data; boundary=b" }, body: form, framing: "h1 chunked" },
    reason: "no_prompt",
  },
  {
    ...{
      title: "a gRPC Generate",
      path: GENERATE_PATH,
      headers: { "content-type": "application/grpc", te: "trailers" },
    },
    ...{ body: generateCall({ text: "hello ".repeat(1000), maxTokens: 3 }), framing: "h2 no length", reason: "scored" },
  },
];

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version}`, () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    // Inflating beside busy neighbours may take longer than a deadline that Envoy would wait for.
    picker = await startPicker(["--pods", pods.addresses.join(","), "--answer-deadline=190ms"]);
    const config = configOfModes(modes, { pickers: [picker.address], pods: pods.addresses });
    envoy = await testEnvoy!.start({ config });
  });

  afterAll(async () => {
    await envoy?.stop();
    await picker?.kill();
    await pods?.close();
  });

  describe.each(modes.map(({ name }) => name))("%s", (mode) => {
    test.each(bodies)("$title arrives unchanged at the pod that was picked on it", async (sent) => {
      const { path, headers, body, framing, reason } = sent;
      const picks = () => picker.metric("pointsman_picks_total", { reason });
      const unread = () => picker.metric("pointsman_body_unread_total", { why: "inflate_late" });
      const before = (await picks()) + (await unread());
      const echo = echoOf(await ask({ port: envoy.ports.get(mode) ?? 0, framing, path, body, headers }));
      expect({ bytes: echo.bytes, sha256: echo.sha256 }).toEqual({ bytes: body.length, sha256: sha256(body) });
      expect(pods.addresses).toContain(echo.pod);
      expect(echo.headers["content-encoding"]).toBe(headers["content-encoding"]);
      expect((await picks()) + (await unread())).toBe(before + 1);
    });
  });

  test("nothing failed, and no request stays open", async () => {
    const stats = await envoy.admin("/stats?filter=ext_proc.*(streams_failed|spurious|timeouts|rejected|failure_mode)");
    expect(stats.split("\n").filter((line) => line !== "" && !line.endsWith(": 0"))).toEqual([]);
    await picker.metricBecomes("pointsman_streams_open", 0);
    await picker.metricBecomes("pointsman_buffered_bytes", 0);
    expect(await picker.metric("pointsman_faults_total")).toBe(0);
  });
});

import zlib from "node:zlib";
import { describe, expect, test, vi } from "vitest";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { SMALL_BYTES } from "../../../src/request/inflate.ts";
import { type HeaderOptions, type RiggedStream, StreamRig } from "../../support/stream-rig.ts";
import { GENERATE_PATH, generateCall } from "../../support/vllm-grpc.ts";

const POD = "10.0.0.1:8000";
const BODY = '{"model":"m","prompt":"hello"}';
const CHUNKS = 3;
const reasons = (rig: StreamRig) => rig.picks.map((pick) => pick.reason);
/** A body that is not inflated at once. */
const long = JSON.stringify({ model: "m", prompt: "a long prompt, ".repeat(SMALL_BYTES / 8) });
const gzipped: HeaderOptions = { headers: { "content-encoding": "gzip", "content-length": "30" } };

/** Resolves once the stream has said more. */
function saysMore(stream: RiggedStream): Promise<void> {
  const before = stream.replies.length;
  return vi.waitFor(() => expect(stream.replies.length).toBeGreaterThan(before), { timeout: 20_000, interval: 2 });
}

describe("a small compressed body", () => {
  test.each([
    ["gzip", zlib.gzipSync],
    ["deflate", zlib.deflateSync],
    ["zstd", zlib.zstdCompressSync],
  ])("is picked on at once when it comes as %s", (coding, deflate) => {
    const rig = new StreamRig();
    const headers = { "content-encoding": coding, "content-length": "30" };
    const stream = rig
      .open()
      .headers("BUFFERED", { headers })
      .body(deflate(Buffer.from(BODY)));
    expect(stream.story).toEqual(["request_headers", `request_body -> ${POD}`]);
    expect(rig.picks).toMatchObject([{ reason: "scored", model: "m" }]);
    expect([rig.host.budget.usedBytes, rig.held.size, rig.unread]).toEqual([0, 0, []]);
  });

  test("is passed on as it came, in all its chunks", () => {
    const rig = new StreamRig();
    const body = zlib.gzipSync(BODY);
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED", gzipped);
    for (let i = 0; i < CHUNKS; i++) {
      stream.body(body.subarray((i * body.length) / CHUNKS, ((i + 1) * body.length) / CHUNKS), i === CHUNKS - 1);
    }
    expect(stream.story[0]).toBe(`request_headers -> ${POD}`);
    const passed = stream.replies
      .slice(1)
      .map((reply) => reply.request_body?.response?.body_mutation?.streamed_response?.body ?? Buffer.alloc(0));
    expect(Buffer.concat(passed)).toEqual(body);
    expect(rig.picks).toMatchObject([{ reason: "scored", model: "m" }]);
  });

  test("is refused for what its plain bytes are refused for", () => {
    const rig = new StreamRig();
    expect(rig.open().headers("BUFFERED", gzipped).body(zlib.gzipSync("{bad")).story.at(-1)).toBe("immediate 400");
    expect(rig.refusals).toEqual(["malformed_json"]);
  });

  test("is read as far as it was seen when Envoy cut it", () => {
    const rig = new StreamRig();
    const body = zlib.gzipSync(BODY.padEnd(4000, " "));
    rig
      .open()
      .headers("BUFFERED_PARTIAL", gzipped)
      .body(body.subarray(0, body.length - 9), false);
    expect(rig.picks).toMatchObject([{ reason: "body_cut", model: "m" }]);
  });
});

describe("a compressed body", () => {
  test("holds the reply until it is inflated, in BUFFERED", async () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED", gzipped).body(zlib.gzipSync(long));
    expect(stream.story).toEqual(["request_headers"]);
    await saysMore(stream);
    expect(stream.story).toEqual(["request_headers", `request_body -> ${POD}`]);
    expect(rig.picks).toMatchObject([{ reason: "scored", model: "m" }]);
    expect([rig.learnt, rig.host.budget.usedBytes, rig.held.size]).toEqual([1, 0, 0]);
  });

  test("in br is never inflated at once", async () => {
    const rig = new StreamRig();
    const headers = { "content-encoding": "br", "content-length": "30" };
    const stream = rig.open().headers("BUFFERED", { headers }).body(zlib.brotliCompressSync(BODY));
    expect(stream.story).toEqual(["request_headers"]);
    await saysMore(stream);
    expect(rig.picks).toMatchObject([{ reason: "scored", model: "m" }]);
  });

  test("holds headers, chunks and trailers in FULL_DUPLEX_STREAMED, and ignores a repeated end mark", async () => {
    const rig = new StreamRig();
    const body = zlib.gzipSync(long);
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED", gzipped);
    stream.body(body.subarray(0, 50), false).body(body.subarray(50), true).body("", true);
    expect(stream.story).toEqual([]);
    await saysMore(stream);
    expect(stream.story.map((line) => line.split(" ")[0])).toEqual(["request_headers", "request_body", "request_body"]);
    expect(stream.story.filter((line) => line.endsWith(" end"))).toHaveLength(1);
    expect(reasons(rig)).toEqual(["scored"]);
    const withTrailers = rig.open().headers("FULL_DUPLEX_STREAMED", gzipped).body(body, false).trailers();
    expect(withTrailers.story).toEqual([]);
    await saysMore(withTrailers);
    expect(withTrailers.story.at(-1)).toBe("request_trailers");
    expect(withTrailers.story.some((line) => line.endsWith(" end"))).toBe(false);
  });

  test("goes by load when it is not inflated by the deadline, and is counted", async () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED", gzipped).body(zlib.gzipSync(long));
    rig.advance(139);
    expect(stream.story).toEqual(["request_headers"]);
    rig.advance(1);
    expect(stream.story).toEqual(["request_headers", `request_body -> ${POD}`]);
    expect([reasons(rig), rig.unread, rig.host.budget.usedBytes]).toEqual([["body_unread"], ["inflate_late"], 0]);
    // The inflation that was given up stays silent, although one that began later has ended.
    await saysMore(rig.open().headers("BUFFERED", gzipped).body(zlib.gzipSync(long)));
    expect([reasons(rig), rig.faults]).toEqual([["body_unread", "scored"], []]);
  });

  test("has no more time than its early streamed headers had left", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("STREAMED", { ...gzipped, early: true });
    rig.advance(100);
    stream.body(zlib.gzipSync(long));
    rig.advance(40);
    expect(stream.story).toEqual([`request_headers -> ${POD}`, "request_body"]);
    expect(rig.unread).toEqual(["inflate_late"]);
  });

  test("is not waited for when the deadline finds it cut", () => {
    const rig = new StreamRig();
    const body = zlib.gzipSync(long);
    const stream = rig
      .open()
      .headers("STREAMED", { ...gzipped, early: true })
      .body(body.subarray(0, -20), false);
    rig.advance(140);
    expect(stream.story).toEqual([`request_headers -> ${POD}`, "request_body"]);
    expect(rig.unread).toEqual(["inflate_late"]);
  });

  test("loses no byte when more comes than was to come", () => {
    const rig = new StreamRig();
    const body = zlib.gzipSync(long);
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED", gzipped).body(body, true).body("more", false);
    expect(stream.story[0]).toBe(`request_headers -> ${POD}`);
    expect(stream.story.at(-1)).toBe('request_body "more"');
    expect(rig.unread).toEqual(["inflate_late"]);
  });

  test("of more plain bytes than the limit is refused, as it would be plain", async () => {
    const rig = new StreamRig({ bodyLimitBytes: 1000 });
    const bomb = zlib.gzipSync(zlib.gzipSync(Buffer.alloc(16 * 1024 * 1024)));
    const headers = { "content-encoding": "gzip, gzip", "content-length": "30" };
    const stream = rig.open().headers("BUFFERED", { headers }).body(bomb);
    await saysMore(stream);
    expect(stream.story).toEqual(["request_headers", "immediate 413"]);
    expect([rig.refusals, rig.host.budget.usedBytes, rig.held.size]).toEqual([["body_too_large"], 0, 0]);
  });

  test("goes by load when the buffers are full, or when it is in no such coding", async () => {
    const full = new StreamRig({ bufferLimitBytes: SMALL_BYTES });
    const stream = full.open().headers("BUFFERED", gzipped).body(zlib.gzipSync(long));
    await saysMore(stream);
    expect([stream.story.at(-1), reasons(full)]).toEqual([`request_body -> ${POD}`, ["buffer_full"]]);
    expect(full.host.budget.usedBytes).toBe(0);
    const rig = new StreamRig();
    const broken = rig.open().headers("BUFFERED", gzipped).body(BODY);
    await saysMore(broken);
    expect([broken.story.at(-1), reasons(rig)]).toEqual([`request_body -> ${POD}`, ["body_unread"]]);
    expect(rig.unread).toEqual(["coding_broken"]);
  });

  test("is let go with its stream", async () => {
    const rig = new StreamRig();
    const { stream } = rig.open().headers("BUFFERED", gzipped).body(zlib.gzipSync(long));
    expect(rig.held.size).toBe(1);
    stream.onCancel();
    expect([rig.held.size, rig.host.budget.usedBytes, rig.inFlightCount]).toEqual([0, 0, 0]);
    await saysMore(rig.open().headers("BUFFERED", gzipped).body(zlib.gzipSync(long)));
    expect([reasons(rig), rig.faults]).toEqual([["scored"], []]);
  });

  test("survives a fault of ours after its inflation", async () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED", gzipped).body(zlib.gzipSync(long));
    rig.breakRouting = true;
    await saysMore(stream);
    expect(stream.story[0]).toBe(`request_headers -> ${POD}`);
    expect(stream.story.at(-1)).toMatch(/ end$/);
    expect([reasons(rig), rig.faults]).toEqual([["fault"], ["routing"]]);
  });

  test("does not look complete by a brace at a chunk's end, nor does a form", () => {
    const rig = new StreamRig();
    const type = { "content-type": "multipart/form-data; boundary=b" };
    const packed = rig.open().headers("FULL_DUPLEX_STREAMED", gzipped).body("\x1f\x8b}", false);
    const form = rig
      .open()
      .headers("FULL_DUPLEX_STREAMED", { path: "/v1/images/edits", headers: type })
      .body("}", false);
    const plain = rig.open().headers("FULL_DUPLEX_STREAMED").body(BODY, false);
    rig.advance(140);
    expect([packed.story, form.story, plain.story.length]).toEqual([[], [], 2]);
    rig.advance(4860);
    expect([packed.story.length, form.story.length]).toEqual([2, 2]);
  });

  test("is not waited for in a coding that nobody here knows", () => {
    const rig = new StreamRig();
    const headers = { "content-encoding": "compress", "content-length": "30" };
    const stream = rig.open().headers("BUFFERED", { headers }).body("\x1f\x9d");
    expect(stream.story).toEqual([`request_headers -> ${POD}`, "request_body"]);
    expect([reasons(rig), rig.unread]).toEqual([["body_unread"], ["coding_unknown"]]);
  });
});

describe("a form", () => {
  const path = "/v1/audio/transcriptions";
  const headers = { "content-type": "multipart/form-data; boundary=b", "content-length": "200" };
  const form = (model: string, file = "sound") =>
    `--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${file}\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n--b--\r\n`;

  test("names its model", () => {
    const rig = new StreamRig();
    rig.open().headers("BUFFERED", { path, headers }).body(form("whisper"));
    expect(rig.picks).toMatchObject([{ reason: "no_prompt", model: "whisper" }]);
  });

  test("that cannot be read goes by load", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED", { path, headers }).body("not a form");
    expect([stream.story.at(-1), reasons(rig), rig.unread]).toEqual([
      `request_body -> ${POD}`,
      ["body_unread"],
      ["form_broken"],
    ]);
  });

  test("with more delimiters than are read names no model, which a later part may overrule", () => {
    const rig = new StreamRig();
    const crowded = form("first", "\r\n--bx".repeat(2000)) + form("second");
    rig.open().headers("BUFFERED", { path, headers }).body(crowded);
    expect(rig.picks).toMatchObject([{ reason: "body_unread", model: "" }]);
    expect(rig.unread).toEqual(["too_much"]);
  });

  test("above the body limit passes unread, where JSON would be refused", () => {
    const rig = new StreamRig({ bodyLimitBytes: 100 });
    const announced = rig.open().headers("BUFFERED", { path, headers });
    expect(announced.story).toEqual([`request_headers -> ${POD}`]);
    const { "content-length": _, ...unannounced } = headers;
    const buffered = rig
      .open()
      .headers("BUFFERED", { path, headers: unannounced })
      .body(form("m", "x".repeat(100)));
    expect(buffered.story.at(-1)).toBe(`request_body -> ${POD}`);
    const duplex = rig.open().headers("FULL_DUPLEX_STREAMED", { path, headers: unannounced });
    duplex.body("a".repeat(99), false).body("bb", false).body("c", true);
    expect(duplex.story.slice(1)).toEqual([
      `request_body "${"a".repeat(99)}"`,
      'request_body "bb"',
      'request_body "c" end',
    ]);
    expect([reasons(rig), rig.unread, rig.refusals]).toEqual([
      Array(3).fill("body_unread"),
      Array(3).fill("too_large"),
      [],
    ]);
    expect(rig.host.budget.usedBytes).toBe(0);
  });
});

describe("the model's header", () => {
  test("names the model of a body that is more than is read, whatever its head names", () => {
    const rig = new StreamRig();
    const body = `{"model":"first","x":[${"[],".repeat(140_000)}0],"model":"second"}`;
    rig.open().headers("BUFFERED").body(body);
    rig
      .open()
      .headers("BUFFERED", { headers: { model: "named" } })
      .body(body);
    expect(rig.picks).toMatchObject([
      { reason: "body_unread", model: "" },
      { reason: "body_unread", model: "named" },
    ]);
    expect([rig.unread, rig.refusals]).toEqual([["too_much", "too_much"], []]);
  });

  const named = { headers: { "x-ai-eg-model": "m", "content-length": "30" } };
  const models = (rig: StreamRig) => rig.picks.map(({ model }) => model);

  test("counts where the body is not seen, not read, or names none", () => {
    const rig = new StreamRig();
    rig.open().headers("NONE", named);
    rig.open().headers("BUFFERED", { headers: { ...named.headers, "content-encoding": "compress" } });
    rig.open().headers("BUFFERED", { ...named, path: "/v1/files" });
    rig.open().headers("BUFFERED", { ...named, end: true });
    const grpc = { path: GENERATE_PATH, headers: { ...named.headers, "content-type": "application/grpc" } };
    rig
      .open()
      .headers("BUFFERED", grpc)
      .body(generateCall({ text: "hello" }));
    rig
      .open()
      .headers("BUFFERED", { ...named, path: "/v1/responses" })
      .body('{"input":"hello"}');
    expect(models(rig)).toEqual(Array(6).fill("m"));
    expect(reasons(rig).slice(-2)).toEqual(["scored", "scored"]);
  });

  test("does not overrule the body, and the first of the list with a value counts", () => {
    const rig = new StreamRig();
    rig.open().headers("BUFFERED", named).body('{"model":"other","prompt":"x"}');
    rig.open().headers("NONE", { headers: { "x-ai-eg-model": "second", model: "first" } });
    rig.open().headers("NONE", { headers: { "x-ai-eg-model": "second", model: "x".repeat(513) } });
    rig.open().headers("NONE", { headers: { "x-other": "m" } });
    expect(models(rig)).toEqual(["other", "first", "second", ""]);
  });

  test("chooses the pool, and is refused when no pod serves it", () => {
    const rig = new StreamRig({ pods: [POD, "10.0.0.2:8000"] });
    const [first, second] = rig.table.pods();
    rig.pools.obtain("default", defaultPoolSettings).assign([first!]);
    rig.pools.obtain("m", defaultPoolSettings).assign([second!]);
    rig.models.set(first!, { kind: "listed", entries: [{ id: "a" }] });
    rig.models.set(second!, { kind: "listed", entries: [{ id: "m" }] });
    const storyOf = (model: string) => rig.open().headers("NONE", { headers: { model } }).story;
    expect([storyOf("a"), storyOf("m")]).toEqual([[`request_headers -> ${POD}`], ["request_headers -> 10.0.0.2:8000"]]);
    expect([storyOf("nobody's"), rig.refusals]).toEqual([["immediate 404"], ["model_not_found"]]);
  });
});

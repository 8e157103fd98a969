import { describe, expect, test } from "vitest";
import { type BodyForm, bodyFormOf, readBody } from "../../../src/request/body-form.ts";
import { formApis, grpcApis } from "../../../src/request/other-apis.ts";
import { Random } from "../../support/random.ts";
import { EMBED_PATH, GENERATE_PATH, generateCall } from "../../support/vllm-grpc.ts";

const CHAT = "/v1/chat/completions";
const AUDIO = "/v1/audio/transcriptions";
const MULTIPART = "multipart/form-data; boundary=b";
const chat = Buffer.from('{"model":"m","messages":[{"role":"user","content":"hi"}]}');
const form = Buffer.from(
  ["model", "whisper", "prompt", "names", "user", "ann"]
    .map((text, i) => (i % 2 === 0 ? `--b\r\nContent-Disposition: form-data; name="${text}"\r\n\r\n` : `${text}\r\n`))
    .join("")
    .concat("--b--\r\n"),
);

function formOf(path: string, type = "", encoding = "", method = "POST"): BodyForm {
  return bodyFormOf(path, method, type, encoding);
}

describe("bodyFormOf", () => {
  test.each([
    [CHAT, "application/json", "chat"],
    [`/team/a${CHAT}?x=1`, "", "chat"],
    [AUDIO, MULTIPART, "transcriptions"],
    ["/v1/audio/translations", "Multipart/Form-Data;boundary=x", "translations"],
    ["/v1/images/edits?x", MULTIPART, "image-edits"],
    ["/v1/images/variations", MULTIPART, "image-variations"],
    ["/v1/images/generations", "application/json", "images"],
    [GENERATE_PATH, "application/grpc", "grpc-generate"],
    [EMBED_PATH, "application/grpc+proto", "grpc-embed"],
    ["/generate", "", "generate"],
    ["/vllm.grpc.engine.VllmEngine/Abort", "application/grpc", "none"],
    ["/v1/files", MULTIPART, "none"],
    ["", "", "none"],
  ])("finds behind %s, sent as %j, the API %s", (path, type, api) => {
    expect(formOf(path, type)).toMatchObject({ api, codings: [], unread: undefined });
  });

  test("reads only what is posted; an unknown method counts as that", () => {
    expect(formOf(CHAT, "", "", "").api).toBe("chat");
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS", "post"])
      expect(formOf(CHAT, "", "", method).api).toBe("none");
  });

  test.each([
    [AUDIO, "application/json"],
    [AUDIO, ""],
    [AUDIO, "multipart/mixed; boundary=b"],
    [GENERATE_PATH, "application/json"],
    [GENERATE_PATH, ""],
    [GENERATE_PATH, "application/grpcish"],
  ])("leaves a body of %s unread that comes as %j", (path, type) => {
    expect(formOf(path, type).unread).toBe("media_type");
  });

  test("says what must be undone, and leaves a body unread in a coding that it does not know", () => {
    expect(formOf(CHAT, "", "deflate, gzip")).toMatchObject({ codings: ["gzip", "deflate"], unread: undefined });
    expect(formOf(CHAT, "", "identity")).toMatchObject({ codings: [], unread: undefined });
    expect(formOf(CHAT, "", "compress")).toMatchObject({ api: "chat", unread: "coding_unknown" });
    expect(formOf("/v1/files", "", "compress")).toMatchObject({ api: "none", unread: undefined });
  });

  test("has a path of its own for every API", () => {
    const specs = Object.entries({ ...formApis, ...grpcApis });
    for (const [api, { path }] of specs) {
      const type = api in formApis ? MULTIPART : "application/grpc";
      expect(formOf(`/v1${path}`, type), path).toMatchObject({ api, unread: undefined });
    }
  });
});

describe("readBody", () => {
  test("reads JSON", () => {
    expect(readBody(formOf(CHAT), chat, false)).toMatchObject({ api: "chat", model: "m", promptBytes: 6 });
  });

  test("reads a form: its prompt counts as load and leaves nothing in a cache", () => {
    expect(readBody(formOf(AUDIO, MULTIPART), form, false)).toEqual({
      ...{ api: "transcriptions", model: "whisper", adapter: "", session: "ann", stream: false },
      ...{ maxTokens: Number.NaN, promptBytes: 5, prompt: null },
    });
  });

  test("reads a gRPC call, which names no model", () => {
    const read = readBody(
      formOf(GENERATE_PATH, "application/grpc"),
      generateCall({ text: "hello", maxTokens: 3 }),
      false,
    );
    expect(read).toMatchObject({ api: "grpc-generate", model: "", session: "", maxTokens: 3, promptBytes: 6 });
    expect(read).toHaveProperty("prompt.count", 2);
  });

  test.each<[string, BodyForm, Buffer, string]>([
    ["a form without parts", formOf(AUDIO, MULTIPART), chat, "form_broken"],
    ["a form without a boundary", formOf(AUDIO, "multipart/form-data"), form, "form_broken"],
    ["a broken call", formOf(GENERATE_PATH, "application/grpc"), chat, "grpc_broken"],
    ["a compressed call", formOf(GENERATE_PATH, "application/grpc"), Buffer.from([1, 0, 0, 0, 0]), "grpc_compressed"],
    [
      "more values than are read",
      formOf(CHAT),
      Buffer.from(`{"model":"m","x":[${"[],".repeat(140_000)}0]}`),
      "too_much",
    ],
    [
      "more parts than are read",
      formOf(AUDIO, MULTIPART),
      Buffer.concat(Array(2000).fill(form.subarray(0, -7))),
      "too_much",
    ],
    ["a form on the path of a JSON API", formOf(CHAT, MULTIPART), form, "media_type"],
    ["MessagePack on the path of a JSON API", formOf(CHAT, "application/msgpack"), Buffer.from([0x81]), "media_type"],
  ])("does not read %s", (_name, given, body, unread) => expect(readBody(given, body, false)).toEqual({ unread }));

  test.each([
    "",
    "application/json; charset=utf-8",
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/vnd.a+json",
  ])("tells the client of malformed JSON that it sent as %j", (type) => {
    expect(readBody(formOf(CHAT, type), Buffer.from("{bad"), false)).toEqual({ code: "malformed_json" });
  });

  test("takes well-formed JSON for JSON, whatever it was sent as", () => {
    expect(readBody(formOf(CHAT, "application/octet-stream"), chat, false)).toMatchObject({ model: "m" });
    expect(readBody(formOf(CHAT, MULTIPART), Buffer.from("{}"), false)).toEqual({ code: "model_missing" });
  });

  test("survives every kind of body on every kind of path, cut anywhere, and refuses only JSON", () => {
    const random = new Random(5);
    const bodies = [chat, form, generateCall({ tokens: [1, 2, 3], maxTokens: 4 }), random.bytes(64)];
    const types = ["", "application/json", MULTIPART, "application/grpc", "multipart/form-data; boundary"];
    for (const path of [CHAT, AUDIO, GENERATE_PATH, EMBED_PATH, "/v1/files", "/v1/images/edits"]) {
      for (const type of types) {
        const given = formOf(path, type);
        for (const body of bodies) {
          for (let length = 0; length <= body.length; length++) {
            for (const cut of [true, false]) {
              const read = readBody(given, body.subarray(0, length), cut);
              if ("code" in read) expect([path, cut]).toEqual([CHAT, false]);
            }
          }
        }
      }
    }
  });
});

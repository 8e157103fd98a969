import { describe, expect, test } from "vitest";
import type { Backend } from "../../../src/backends/backend.ts";
import type { AttemptRefusal, AttemptRequest } from "../../../src/backends/outgoing.ts";
import { isRefusal, needsBody, type PreparedAttempt, prepareAttempt } from "../../../src/backends/prepare-attempt.ts";
import openai from "../../../src/translators/openai.ts";
import { backendOf, bookOf, HeaderKey, saying } from "../../support/small-backends.ts";

const BODY = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';

function request(more: Partial<AttemptRequest> = {}): AttemptRequest {
  return {
    method: "POST",
    path: "/v1/chat/completions?x=1",
    host: "client.example",
    headers: { "content-type": "application/json", "content-length": "999", "x-seen": "1" },
    authorization: "",
    contentEncoding: "",
    body: Buffer.from(BODY),
    statesLength: true,
    model: "",
    ...more,
  };
}

function prepare(backend: Backend, more: Partial<AttemptRequest> = {}, ...others: Backend[]) {
  return prepareAttempt(bookOf(backend, ...others), backend, request(more));
}

function made(prepared: PreparedAttempt | AttemptRefusal): PreparedAttempt {
  if (isRefusal(prepared)) throw new Error(`refused: ${prepared.code}`);
  return prepared;
}

const setOf = (prepared: PreparedAttempt | AttemptRefusal) => Object.fromEntries(made(prepared).headers.set);
const removedOf = (prepared: PreparedAttempt | AttemptRefusal) => made(prepared).headers.removed;
const bodyOf = (prepared: PreparedAttempt | AttemptRefusal) => {
  const { body } = made(prepared);
  return body && Buffer.concat(body).toString();
};

describe("prepareAttempt, where the body is understood as it stands", () => {
  test("changes path, host and key, and states the length of the body", () => {
    const prepared = prepare(backendOf("a", { host: "a.example:8443", pathPrefix: "/base" }));
    expect(setOf(prepared)).toEqual({
      authorization: "Bearer key-of-a",
      "content-length": String(BODY.length),
      ":path": "/base/as/m/chat?v=1",
      ":authority": "a.example:8443",
    });
    expect(bodyOf(prepared)).toBeUndefined();
  });

  test("puts back the client's host where the backend has none of its own", () => {
    expect(setOf(prepare(backendOf("a")))[":authority"]).toBe("client.example");
  });

  test("changes nothing of the body but the model's name, of which each is asked for by its own", () => {
    const models = new Map([["m", "at-a"]]);
    const prepared = prepare(backendOf("a", { models }));
    expect(bodyOf(prepared)).toBe(BODY.replace('"m"', '"at-a"'));
    expect(made(prepared).asked).toMatchObject({ model: "at-a", askedModel: "m", path: "/v1/chat/completions?x=1" });
    expect(setOf(prepared)["content-length"]).toBe(String(BODY.length + 3));
    expect(bodyOf(prepare(backendOf("a", { models: new Map([["other", "at-a"]]) })))).toBeUndefined();
    expect(bodyOf(prepare(backendOf("a", { models, model: "rest" }), { body: Buffer.from('{"model":"x"}') }))).toBe(
      '{"model":"rest"}',
    );
  });

  test("names a model where the body names none and the backend has one for all", () => {
    expect(bodyOf(prepare(backendOf("a", { model: "all" }), { body: Buffer.from('{"a":1}') }))).toBe(
      '{"model":"all","a":1}',
    );
    expect(prepare(backendOf("a"), { body: Buffer.from('{"a":1}') })).toEqual({ code: "model_missing" });
  });

  test("keeps the pieces of a large body as they came, without a copy", () => {
    const large = Buffer.from(`{"model":"m","prompt":"${"x".repeat(5_000_000)}"}`);
    const { body } = made(prepare(backendOf("a", { model: "n" }), { body: large, path: "/v1/completions" }));
    expect(body?.at(-1)?.buffer).toBe(large.buffer);
  });

  test("asks for the usage of a stream, and says that the client is not to see it", () => {
    const asking = backendOf("a", { asksForUsage: true });
    const streamed = prepare(asking, { body: Buffer.from('{"model":"m","stream":true}') });
    expect(JSON.parse(bodyOf(streamed) ?? "")).toEqual({
      model: "m",
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(made(streamed).hidesUsage).toBe(true);
    const whole = prepare(asking);
    expect([bodyOf(whole), made(whole).hidesUsage]).toEqual([undefined, false]);
    const own = '{"model":"m","stream":true,"stream_options":{"include_usage":true}}';
    const asked = prepare(asking, { body: Buffer.from(own) });
    expect([bodyOf(asked), made(asked).hidesUsage]).toEqual([undefined, false]);
  });

  test("asks for it beside what the client has written of the stream, with the backend's name for the model", () => {
    const body = Buffer.from('{"stream":true,"stream_options":{"x":1,"include_usage":false},"model":"m"}');
    const prepared = prepare(backendOf("a", { asksForUsage: true, model: "n" }), { body });
    expect(JSON.parse(bodyOf(prepared) ?? "")).toEqual({
      stream: true,
      stream_options: { x: 1, include_usage: true },
      model: "n",
    });
  });

  test.each([
    [
      '{"seed":12345678901234567890,"stream":true,"stream_options": {"x":1} ,"model":"m"}',
      '{"seed":12345678901234567890,"stream":true,"stream_options":{"x":1,"include_usage":true},"model":"m"}',
    ],
    [
      '{"stream":true,"stream_opt\\u0069ons":{"include_usage":false},"model":"m"}',
      '{"stream":true,"stream_opt\\u0069ons":{"include_usage":true},"model":"m"}',
    ],
    [
      '{"stream":true,"stream_options":null,"model":"m","stream_options":{"include_usage":true}}',
      '{"stream":true,"stream_options":{"include_usage":true},"model":"m","stream_options":{"include_usage":true}}',
    ],
    [
      '{"x":{"stream_options":[1]},"s":"\\\\\\",\\"stream_options\\":1","stream":true,"model":"m"}',
      '{"stream_options":{"include_usage":true},"x":{"stream_options":[1]},"s":"\\\\\\",\\"stream_options\\":1","stream":true,"model":"m"}',
    ],
  ])("asks for it with all else as it was: %s", (body, out) => {
    const prepared = prepare(backendOf("a", { asksForUsage: true }), { body: Buffer.from(body) });
    expect(bodyOf(prepared)).toBe(out);
  });

  test("takes the model from elsewhere where the filter shows no body", () => {
    const prepared = prepare(backendOf("a"), { body: undefined, model: "m" });
    expect(setOf(prepared)[":path"]).toBe("/as/m/chat?v=1");
    expect([setOf(prepared)["content-length"], removedOf(prepared).includes("content-length")]).toEqual([
      undefined,
      false,
    ]);
  });

  test.each([
    ["malformed JSON", { body: Buffer.from("{bad") }, "malformed_json"],
    ["a path of no API of the backend", { path: "/v1/embeddings" }, "unsupported_path"],
    ["a path of no API at all", { path: "/nothing" }, "unsupported_path"],
    ["another method", { method: "GET" }, "unsupported_path"],
    ["a model that no path can hold", { body: Buffer.from('{"model":"a b"}') }, "untranslatable"],
  ])("refuses %s", (_, more, code) => {
    expect(prepare(backendOf("a"), more)).toMatchObject({ code });
  });

  test("sends a form on as it came, and refuses one whose model is to change and cannot be read", () => {
    const headers = { "content-type": "multipart/form-data; boundary=b" };
    const form = '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n';
    const path = "/v1/audio/transcriptions";
    expect(bodyOf(prepare(backendOf("a"), { headers, path, body: Buffer.from(form) }))).toBeUndefined();
    expect(bodyOf(prepare(backendOf("a", { model: "n" }), { headers, path, body: Buffer.from(form) }))).toBe(
      form.replace("\r\n\r\nm\r\n", "\r\n\r\nn\r\n"),
    );
    const broken = { headers: { "content-type": "text/plain" }, path, body: Buffer.from("no form") };
    expect(prepare(backendOf("a", { model: "n" }), broken)).toEqual({ code: "body_unreadable" });
    expect(bodyOf(prepare(backendOf("a"), broken))).toBeUndefined();
  });
});

describe("prepareAttempt, where the backend has a form of its own", () => {
  const backend = backendOf("a", { translator: saying, options: {}, models: new Map([["m", "n"]]) });

  test("sends the translated body as JSON, with the translator's headers", () => {
    const prepared = prepare(backend, { headers: { "content-type": "text/plain" } });
    expect(bodyOf(prepared)).toBe('{"say":{"model":"n","of":[{"role":"user","content":"hi"}]}}');
    expect(setOf(prepared)).toMatchObject({
      ":path": "/say",
      "content-type": "application/json",
      "x-say-version": "7",
      "content-length": "59",
    });
    expect(made(prepared).answer).toBeDefined();
  });

  test("tells the translator what the client wants", () => {
    const body = Buffer.from('{"model":"m","stream":true,"stream_options":{"include_usage":true}}');
    const { asked } = made(prepare(backend, { body }));
    expect(asked).toMatchObject({ model: "n", askedModel: "m", streams: true, wantsUsage: true, wantsBase64: false });
  });

  test.each([
    [
      "what has no word, with the member's path",
      '{"model":"m","no_word":1}',
      { code: "untranslatable", param: "no_word", says: "There is no word for it." },
    ],
    ["malformed JSON", "{bad", { code: "malformed_json" }],
    ["a list", "[]", { code: "malformed_json" }],
    ["a body without a model", "{}", { code: "model_missing" }],
    ["a model that is no text", '{"model":1}', { code: "model_missing" }],
    ["a model with too long a name", `{"model":"${"x".repeat(600)}"}`, { code: "model_too_long" }],
    ["no body at all", "", { code: "malformed_json" }],
  ])("refuses %s", (_, body, refusal) => {
    expect(prepare(backend, { body: Buffer.from(body) })).toEqual(refusal);
  });

  test("refuses a body that the filter hides", () => {
    expect(prepare(backend, { body: undefined })).toEqual({ code: "filter_mode_unfit" });
  });

  test("throws on a header that the translator has not declared: nobody would remove it", () => {
    expect(() => prepare(backend, { body: Buffer.from('{"model":"m","stray":1}') })).toThrow(
      /x-stray without declaring/,
    );
  });
});

describe("the headers of an attempt", () => {
  const other = backendOf("b", {
    translator: saying,
    options: {},
    credential: new HeaderKey("x-b-key", "b"),
    setHeaders: [["x-team", "b"]],
    removeHeaders: ["x-debug"],
  });

  test("each that another backend may set, and the client's own secrets, are set or removed", () => {
    const removed = removedOf(prepare(backendOf("a"), {}, other));
    const names = [
      "x-b-key",
      "x-say-version",
      "x-team",
      "x-debug",
      "cookie",
      "x-api-key",
      "api-key",
      "accept-encoding",
    ];
    expect(removed).toEqual(expect.arrayContaining([...names, "x-ai-eg-model", "x-gateway-destination-endpoint"]));
    expect(removed).not.toContain("authorization");
    const atOther = prepare(other, {}, backendOf("a"));
    expect(removedOf(atOther)).toContain("authorization");
    expect(setOf(atOther)).toMatchObject({ "x-team": "b", "x-b-key": "b" });
  });

  test("a name is never both set and removed", () => {
    for (const prepared of [prepare(backendOf("a"), {}, other), prepare(other)]) {
      const set = new Set(made(prepared).headers.set.map(([name]) => name));
      expect(removedOf(prepared).filter((name) => set.has(name))).toEqual([]);
    }
  });

  test("the client's authorization goes only where the backend gets it", () => {
    const credential = new HeaderKey("x-none", "");
    const keeping = backendOf("a", { credential, keepsAuthorization: true });
    expect(setOf(prepare(keeping, { authorization: "Bearer own" }))["authorization"]).toBe("Bearer own");
    expect(removedOf(prepare(keeping))).toContain("authorization");
    expect(removedOf(prepare(backendOf("a", { credential }), { authorization: "Bearer own" }))).toContain(
      "authorization",
    );
  });

  test("the credential sees the request as it goes out", () => {
    const credential = new HeaderKey("x-key", "k", { signsBody: true });
    const backend = backendOf("a", { credential, host: "h", pathPrefix: "/p", models: new Map([["m", "n"]]) });
    prepare(backend, { headers: { "content-type": "application/json", authorization: "Bearer other", "x-seen": "1" } });
    const [asked] = credential.asked;
    expect(asked).toMatchObject({ method: "POST", host: "h", path: "/p/as/n/chat?v=1" });
    expect(asked?.headers).toEqual({ "content-type": "application/json", "x-seen": "1" });
    expect(Buffer.concat(asked?.body ?? []).toString()).toBe(BODY.replace('"m"', '"n"'));
  });

  test("without a credential there is no request", () => {
    expect(prepare(backendOf("a", { credential: new HeaderKey("x-key", undefined) }))).toEqual({
      code: "backend_credential_missing",
    });
  });

  test("a length is never left that is of another body", () => {
    const unstated = prepare(backendOf("a"), { statesLength: false });
    expect([setOf(unstated)["content-length"], removedOf(unstated).includes("content-length")]).toEqual([
      undefined,
      true,
    ]);
  });

  test("a body that goes on compressed says so", () => {
    expect(setOf(prepare(backendOf("a"), { body: undefined, contentEncoding: "gzip" }))["content-encoding"]).toBe(
      "gzip",
    );
    expect(removedOf(prepare(backendOf("a")))).toContain("content-encoding");
  });
});

describe("prepareAttempt, of what the client wrote beside its body", () => {
  const plain = { translator: openai, options: {} };

  test("sends no path that leads elsewhere, and none of the client's own before a prefix", () => {
    const admin = { path: "/../../admin/v1/chat/completions" };
    expect(prepare(backendOf("a", { ...plain, pathPrefix: "/base" }), admin)).toEqual({ code: "unsupported_path" });
    expect(prepare(backendOf("a", plain), admin)).toEqual({ code: "unsupported_path" });
    const team = { path: "/team/v1/chat/completions?x=1" };
    const prefixed = prepare(backendOf("a", { ...plain, pathPrefix: "/base" }), team);
    expect(setOf(prefixed)[":path"]).toBe("/base/v1/chat/completions?x=1");
    expect(setOf(prepare(backendOf("a", plain), team))[":path"]).toBe(team.path);
  });

  test("sends no header of a client's account, of its gateway or of ours, whatever they are called", () => {
    const headers = {
      "openai-organization": "o",
      "openai-project": "p",
      "x-goog-user-project": "g",
      "x-amz-date": "d",
      "x-forwarded-access-token": "t",
      "x-pointsman-anything": "a",
      "x-ai-eg-foo": "f",
      "x-gateway-model-name": "m",
      "x-seen": "1",
    };
    const credential = new HeaderKey("x-amz-date", "ours");
    const prepared = prepare(backendOf("a", { ...plain, credential }), { headers });
    const { "x-seen": _, "x-amz-date": __, ...hidden } = headers;
    expect(removedOf(prepared)).toEqual(expect.arrayContaining(Object.keys(hidden)));
    expect(removedOf(prepared)).not.toContain("x-amz-date");
    expect(setOf(prepared)["x-amz-date"]).toBe("ours");
    expect(Object.keys(credential.asked[0]?.headers ?? {})).toEqual(["x-seen"]);
  });

  test("leaves the names of accounts where every backend gets the client's own key", () => {
    const headers = { "openai-organization": "o" };
    const own = backendOf("a", { ...plain, keepsAuthorization: true });
    expect(removedOf(prepare(own, { headers }))).not.toContain("openai-organization");
    expect(removedOf(prepare(own, { headers }, backendOf("b")))).toContain("openai-organization");
  });
});

describe("needsBody", () => {
  test.each([
    ["a body that changes nowhere", {}, "m", false],
    ["a translation", { translator: saying, options: {} }, "m", true],
    ["a signature over it", { credential: new HeaderKey("x", "", { signsBody: true }) }, "m", true],
    ["another name", { model: "n" }, "m", true],
    ["the same name", { model: "m" }, "m", false],
    ["a name among others, of a model that is not known", { models: new Map([["x", "y"]]) }, "", true],
    ["a name among others, of another model", { models: new Map([["x", "y"]]) }, "m", false],
    ["a wish for usage", { asksForUsage: true }, "m", true],
  ])("with %s", (_, more, model, needed) => {
    expect(needsBody(backendOf("a", more), "chat", model)).toBe(needed);
  });

  test("is false for what is no API", () => {
    expect(needsBody(backendOf("a", { model: "n" }), "none", "")).toBe(false);
  });
});

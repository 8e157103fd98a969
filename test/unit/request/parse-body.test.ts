import { describe, expect, test, vi } from "vitest";
import { type InferenceRequest, type JsonApi, LONGEST_MODEL } from "../../../src/request/inference-request.ts";
import { parseBody } from "../../../src/request/parse-body.ts";
import { MAX_WORK, VALUE_WORK } from "../../../src/request/scan-json.ts";
import { rangesOf, requestOf } from "../../support/prompt-text.ts";
import { Random } from "../../support/random.ts";

const model = '"model":"m"';

function cutRequest(api: JsonApi, text: string): InferenceRequest {
  const request = parseBody(api, Buffer.from(text), true);
  if ("code" in request) throw new Error(request.code);
  return request;
}

describe("parseBody", () => {
  test("reads model, stream flag and token cap", () => {
    const request = requestOf("chat", '{"stream":true,"model":"org/name-7b","max_tokens":128,"temperature":0.1}');
    expect(request).toMatchObject({
      api: "chat",
      model: "org/name-7b",
      stream: true,
      maxTokens: 128,
      prompt: null,
      promptBytes: 0,
    });
  });

  test.each([
    ["chat", '"max_tokens":5,"max_completion_tokens":7', 7],
    ["chat", '"max_completion_tokens":7,"max_tokens":5', 7],
    ["chat", '"max_completion_tokens":null,"max_tokens":5', 5],
    ["completions", '"max_tokens":5,"max_completion_tokens":7', 5],
    ["completions", '"max_completion_tokens":7', Number.NaN],
    ["chat", '"max_tokens":0', 0],
    ["chat", '"max_tokens":1e3', 1000],
    ["chat", '"max_tokens":1e999', Number.NaN],
    ["chat", '"max_tokens":-1', Number.NaN],
    ["chat", '"max_tokens":"9"', Number.NaN],
    ["chat", '"max_tokens":[9]', Number.NaN],
    ["chat", '"max_tokens":["\\n"]', Number.NaN],
    ["chat", `"max_tokens":${"9".repeat(33)}`, Number.NaN],
    ["chat", '"max_tokens":true', Number.NaN],
  ] as const)("%s: of %s the cap is %d", (api, members, cap) => {
    expect(requestOf(api, `{${model},${members}}`).maxTokens).toBe(cap);
  });

  test.each([
    ["true", true],
    ["false", false],
    ["null", false],
    ['"true"', false],
  ])("stream %s reads as %s", (value, stream) => {
    expect(requestOf("chat", `{${model},"stream":${value}}`).stream).toBe(stream);
  });

  test.each([
    "",
    " ",
    "[]",
    '"a"',
    "null",
    "{",
    '{"model":"m"',
    '{"model":"m"}}',
    '{"model":"m"} x',
    '{"model":"m",}',
    "\ufeff",
    '\ufeff\ufeff{"model":"m"}',
    ' \ufeff{"model":"m"}',
    '{"model":"m","x":NaN}',
    '{"model":"m","x":-Infinity}',
    '{"model":"\u0001"}',
    `{${model},"messages":[{"role":"user","content":"a}`,
  ])("%j is malformed", (text) => {
    expect(parseBody("chat", Buffer.from(text), false)).toEqual({ code: "malformed_json" });
    expect(parseBody("completions", Buffer.from(text), false)).toEqual({ code: "malformed_json" });
  });

  test.each([
    "{}",
    '{"model":""}',
    '{"model":null}',
    '{"model":7}',
    '{"model":["m"]}',
    '{"model":"m","model":3}',
    '{"Model":"m"}',
    '{"x":{"model":"m"}}',
    '{"\\u016dodel":"m"}',
    '{"\\u00edodel":"m"}',
    '{"mod\\/el":"m"}',
    '{"mod\\nel":"m"}',
    '{"mödel\\u0020":"m"}',
    '{"model\\u0000":"m"}',
    `{"model\\u0020${" ".repeat(40)}":"m"}`,
  ])("%s names no model", (text) => {
    expect(parseBody("chat", Buffer.from(text), false)).toEqual({ code: "model_missing" });
  });

  test.each([
    ["escapes in the key", '{"mod\\u0065l":"m"}', "m"],
    ["only escapes in the key", '{"\\u006d\\u006f\\u0064\\u0065\\u006c":"m"}', "m"],
    ["escapes in capitals in the key", '{"\\u006D\\u006FDEL":"x","\\u006D\\u006Fdel":"m"}', "m"],
    ["escapes in the name", '{"model":"a\\/b\\u00e9\\n"}', "a/bé\n"],
    ["non-ASCII in the name", '{"model":"模型"}', "模型"],
    ["the key twice", '{"model":"a","model":"b"}', "b"],
    ["an unknown key with escapes", '{"mod\\u0065":"x","model":"m"}', "m"],
    ["an endless key with escapes", `{"${"\\u0061".repeat(99)}":"x","model":"m"}`, "m"],
    ["space everywhere", '\n{ "model"\t: "m" }\r\n', "m"],
    ["a byte order mark", '\ufeff {"model":"m"}', "m"],
  ])("reads the model with %s", (_, text, expected) => {
    expect(requestOf("chat", text).model).toBe(expected);
  });

  test.each([
    ["the longest name", `{"model":"${"m".repeat(LONGEST_MODEL)}"}`, LONGEST_MODEL],
    ["a long name that another follows", `{"model":"${"m".repeat(9999)}","model":"m"}`, 1],
  ])("takes %s", (_, text, length) => {
    expect(requestOf("chat", text).model).toHaveLength(length);
  });

  test.each([
    ["a name one byte longer", `{"model":"${"m".repeat(LONGEST_MODEL + 1)}"}`],
    ["a name that is longer as it is spelt", `{"model":"${"\\u0061".repeat(LONGEST_MODEL / 6 + 1)}"}`],
    ["a name longer in bytes than in characters", `{"model":"${"é".repeat(LONGEST_MODEL / 2 + 1)}"}`],
  ])("refuses %s, which a cut body counts as not seen", (_, text) => {
    expect(parseBody("chat", Buffer.from(text), false)).toEqual({ code: "model_too_long" });
    expect(cutRequest("chat", `${text.slice(0, -1)},"stream":true`)).toMatchObject({ model: "", stream: true });
  });

  test("reads the keys that JSON.parse reads, however their letters are spelt", () => {
    const random = new Random(77);
    const letter = (char: string) => {
      const hex = char.charCodeAt(0).toString(16).padStart(4, "0");
      return random.of([char, char, `\\u${hex}`, `\\u${hex.toUpperCase()}`]);
    };
    let found = 0;
    for (let round = 0; round < 2000; round++) {
      const key = random.of(["model", "model", "mode", "modell", "nodel", "modeL", "ｍodel", "mod/el"]);
      const text = `{"${Array.from(key, letter).join("")}":"m"}`;
      const expected = (JSON.parse(text) as { model?: string }).model;
      const request = parseBody("chat", Buffer.from(text), false);
      expect("model" in request ? request.model : undefined, text).toBe(expected);
      if (expected !== undefined) found++;
    }
    expect(found).toBeGreaterThan(300);
  });

  test("builds no text for a key, and of a value that comes again and again only the last", () => {
    const escaped = '"\\u0061":1,"mod\\u0065l":"a\\n","max_tokens":1,'.repeat(100);
    const parse = vi.spyOn(JSON, "parse");
    const from = vi.spyOn(Buffer.prototype, "toString");
    const body = Buffer.from(`{${escaped}"model":"b\\n","max_tokens":2}`);
    const request = parseBody("chat", body, false);
    const built = [parse.mock.calls.length, from.mock.calls.length];
    vi.restoreAllMocks();
    expect(request).toMatchObject({ model: "b\n", maxTokens: 2 });
    expect(built).toEqual([1, 2]);
  });

  test("reads a body that is a view at any offset", () => {
    const text = Buffer.from(`__{${model},"messages":[{"role":"user","content":"hello"}]}__`);
    for (let pad = 0; pad < 4; pad++) {
      const room = Buffer.concat([Buffer.alloc(pad), text]);
      const request = parseBody("chat", room.subarray(pad + 2, room.length - 2), false);
      expect(rangesOf(request as InferenceRequest)).toEqual([["user", "hello"]]);
    }
  });
});

describe("parseBody of a body that is too much work", () => {
  const values = MAX_WORK / VALUE_WORK;
  const long = Array.from({ length: 63 }, (_, i) => "k".repeat(MAX_WORK / 32) + (99 - i));

  test.each([
    ["members", `"a":1,${'"\\u0061b":1,'.repeat(values)}"stream":true`],
    ["containers", `"a":[${"[[[[{}]]]],".repeat(values / 4)}0]`],
    ["escapes", `"a":"${"\\n".repeat(MAX_WORK + 1)}"`],
    ["whole numbers", `"tools":[${"1,".repeat(MAX_WORK + 1)}1]`],
    ["messages", `"messages":[${"{},".repeat(values)}7]`],
    ["messages behind one more value", `"a":1,"messages":[${"{},".repeat(values)}7]`],
    ["blocks", `"messages":[{"content":[${'{"x":1},'.repeat(values / 2)}7]}]`],
    ["long keys that begin alike", `"messages":[{"content":[{${long.map((key) => `"${key}":1`).join(",")}}]}]`],
  ])("says nothing where it gave up on %s: another model may come behind", (_, members) => {
    const text = `{${model},${members}`;
    // Neither end is reached: one names another model, and the other is no JSON.
    for (const end of [',"model":"other"}', ",,"]) {
      for (const cut of [true, false]) {
        expect(parseBody("chat", Buffer.from(text + end), cut)).toEqual({ code: "too_much" });
      }
    }
  });

  test("reads keys of any length where few begin alike", () => {
    const members = ["a", "b", "c"].map((letter) => `"${letter.repeat(5_000_000)}":1`).join(",");
    expect(requestOf("chat", `{"messages":[{"content":[{${members}}]}],${model}}`).model).toBe("m");
  });

  test("reads plain text of any length", () => {
    const text = `{"messages":[{"content":"${"x".repeat(20_000_000)}"}],${model}}`;
    expect(requestOf("chat", text)).toMatchObject({ model: "m", promptBytes: 20_000_000 });
  });
});

describe("parseBody of a cut body", () => {
  test.each([
    "",
    "  ",
    "{",
    '{"mod',
    '{"model"',
    '{"model":',
    '{"model":"org/na',
    '{"stream":tr',
    "[1",
    "nonsense",
    '{"model":7',
    '{"cache_salt":"ab',
  ])("finds nothing in %j and no fault", (text) => {
    expect(cutRequest("chat", text)).toMatchObject({ model: "", prompt: null, promptBytes: 0 });
  });

  test.each([
    ["chat", '{"model":"m","messages":[{"role":"us', [["us"]]],
    ["chat", '{"messages":[{"role":"user","content":"ab\\', [["user", "ab\\"]]],
    ["chat", '{"messages":[{"role":"user","content":"ab\\u00', [["user", "ab\\u00"]]],
    ["chat", '{"messages":[{"role":"user","content":[{"type":"text","text":"ab', [["user", "ab"]]],
    [
      "chat",
      '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"da',
      [["user", "{", '{"url":"da']],
    ],
    ["chat", '{"messages":[{"role":"user","content":[{"type":"te', [["user"]]],
    ["chat", '{"messages":[{"content":"ab","role"', [["ab"]]],
    ["chat", '{"messages":[{"role":"user","content":nul', [["user"]]],
    ["chat", '{"tools":[{"type":"fun', [['[{"type":"fun']]],
    ["completions", '{"prompt":"ab', [["ab"]]],
    ["completions", '{"prompt":["ab","cd', [["ab"]]],
    ["completions", '{"prompt":[1, 2, ', [["1, 2,"]]],
    ["completions", '{"prompt":[[1,2', [["1,2"]]],
  ] as const)("%s %s: the prompt as far as it goes", (api, text, parts) => {
    expect(rangesOf(cutRequest(api, text))).toEqual(parts);
  });

  test("keeps what came whole and drops a number that may go on", () => {
    const text = '{"model":"m","stream":true,"max_tokens":12';
    expect(cutRequest("chat", text)).toMatchObject({ model: "m", stream: true, maxTokens: Number.NaN });
    expect(cutRequest("chat", `${text},`).maxTokens).toBe(12);
  });

  test("counts what was seen before a fault in its middle", () => {
    const request = cutRequest("chat", '{"model":"m","messages":[{"role":"user","content":"ab"},,{"role":"x"}]}');
    expect(request.model).toBe("m");
    expect(rangesOf(request)).toEqual([["user", "ab"]]);
  });

  test("takes a whole body as it is", () => {
    const text = '{"model":"m","messages":[{"role":"user","content":"ab"}]}';
    expect(rangesOf(cutRequest("chat", text))).toEqual([["user", "ab"]]);
  });
});

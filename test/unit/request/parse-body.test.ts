import { describe, expect, test, vi } from "vitest";
import type { InferenceRequest } from "../../../src/request/inference-request.ts";
import { LONGEST_MODEL } from "../../../src/request/inference-request.ts";
import { type BodyApi, parseBody } from "../../../src/request/parse-body.ts";
import { MAX_RANGES } from "../../../src/request/prompt-ranges.ts";
import { rangesOf, requestOf } from "../../support/prompt-text.ts";
import { Random } from "../../support/random.ts";

const model = '"model":"m"';

function chat(messages: string): InferenceRequest {
  return requestOf("chat", `{${model},"messages":${messages}}`);
}

function completions(prompt: string): InferenceRequest {
  return requestOf("completions", `{${model},"prompt":${prompt}}`);
}

function cutRequest(api: BodyApi, text: string): InferenceRequest {
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
    "\ufeff{}",
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

describe("parseBody, the prompt of a chat", () => {
  test.each<[string, string, string[][]]>([
    [
      "role, then content",
      '[{"role":"system","content":"S"},{"role":"user","content":"U"}]',
      [
        ["system", "S"],
        ["user", "U"],
      ],
    ],
    ["role first, whatever the order", '[{"content":"U","role":"user"}]', [["user", "U"]]],
    ["the last of a repeated key", '[{"role":"a","content":"x","content":[{"text":"y"}],"role":"b"}]', [["b", "y"]]],
    ["the last of a repeated key, when null", '[{"role":"a","content":["x"],"content":null}]', [["a"]]],
    ["escaped keys", '[{"r\\u006fle":"user","c\\u006fntent":"U"}]', [["user", "U"]]],
    ["text as it is spelt", '[{"role":"user","content":"a\\n\\u0041"}]', [["user", "a\\n\\u0041"]]],
    [
      "text parts",
      '[{"role":"user","content":[{"type":"text","text":"a"},{"text":"b","type":"text"},"c"]}]',
      [["user", "a", "b", "c"]],
    ],
    [
      "text parts without their cache hints",
      '[{"content":[{"cache_control":{"x":1},"type":"text","text":"a","n":2}]}]',
      [["a"]],
    ],
    ["the last text of a part", '[{"content":[{"text":"a","text":"b"}]}]', [["b"]]],
    ["a text that is no string, as it stands", '[{"content":[{"text":"a","text":[1]}]}]', [["[1]"]]],
    [
      "other parts by what they hold",
      '[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}},{"type":"text","text":"a"}]}]',
      [["user", '{"url":"data:x"}', "a"]],
    ],
    ["audio", '[{"content":[{"input_audio":{"data":"x"},"type":"input_audio"}]}]', [['{"data":"x"}']]],
    ["parts of odd types", '[{"content":[7,null,[8],{}]}]', [["7", "[8]"]]],
    ["content of odd types", '[{"content":7},{"content":{"a":1}},{"content":true}]', [["7"], ['{"a":1}'], ["true"]]],
    ["null and missing content", '[{"role":"assistant","content":null},{"role":"user"}]', [["assistant"], ["user"]]],
    ["tool calls", '[{"tool_calls":[{"id":"1"}],"content":null,"role":"assistant"}]', [["assistant", '[{"id":"1"}]']]],
    ["tool results", '[{"content":"42","tool_call_id":"c1","name":"f","role":"tool"}]', [["tool", "f", "c1", "42"]]],
    [
      "reasoning",
      '[{"reasoning_content":"R","reasoning":"r","content":"C","role":"assistant"}]',
      [["assistant", "C", "r", "R"]],
    ],
    ["no unknown members", '[{"role":"user","x":"y","content":"U","refusal":"z"}]', [["user", "U"]]],
    ["no empty messages", '[{},{"role":"","content":""},{"role":"user","content":"U"}]', [["user", "U"]]],
    ["messages of odd types", '["a",7,null,[1]]', [["a"], ["7"], ["[1]"]]],
  ])("has %s", (_, messages, parts) => {
    const request = chat(messages);
    expect(rangesOf(request)).toEqual(parts);
    expect(request.promptBytes).toBe(Buffer.byteLength(parts.flat().join("")));
  });

  test.each(['"a"', "7", "null", "{}", "[]", "[{}]"])("is null for messages %s", (messages) => {
    expect(chat(messages)).toMatchObject({ prompt: null, promptBytes: 0 });
  });

  test("is the last of repeated messages", () => {
    const text = `{"messages":[{"content":"a"},{"content":"b"}],${model},"messages":[{"content":"c"}]}`;
    expect(rangesOf(requestOf("chat", text))).toEqual([["c"]]);
  });

  test("begins with the tools, wherever they stand", () => {
    const text = `{"messages":[{"content":"a"}],${model},"tools":[{"type":"function"}]}`;
    expect(rangesOf(requestOf("chat", text))).toEqual([['[{"type":"function"}]'], ["a"]]);
  });

  test("has no part for tools that are null", () => {
    expect(rangesOf(requestOf("chat", `{"tools":null,"messages":[{"content":"a"}],${model}}`))).toEqual([["a"]]);
  });

  test("keeps a cache salt apart from its text", () => {
    const request = requestOf("chat", `{"messages":[{"content":"a"}],${model},"cache_salt":"s1","tools":[1]}`);
    expect(rangesOf(request)).toEqual(["salt s1", ["[1]"], ["a"]]);
    expect(request.promptBytes).toBe(4);
  });

  test.each(["7", "null", '""', '["s"]'])("takes no cache salt from %s", (salt) => {
    const request = requestOf("chat", `{"messages":[{"content":"a"}],${model},"cache_salt":${salt}}`);
    expect(rangesOf(request)).toEqual([["a"]]);
  });

  test("is null when there is a cache salt alone", () => {
    expect(requestOf("chat", `{${model},"cache_salt":"s"}`).prompt).toBeNull();
  });

  test.each([
    ["messages", (items: string) => items],
    ["pieces of a message", (items: string) => `[{"content":${items}}]`],
  ])("leaves out %s beyond the most it keeps, but checks them", (_, around) => {
    const kept = '{"content":"a","text":"a"},'.repeat(MAX_RANGES);
    const text = (beyond: string) => `{${model},"messages":${around(`[${kept}${beyond}]`)}}`;
    const request = requestOf("chat", text('{"content":"b","text":"b"}'));
    expect([request.prompt?.count, request.promptBytes]).toEqual([MAX_RANGES, MAX_RANGES]);
    expect(parseBody("chat", Buffer.from(text('{"content":"b","text"}')), false)).toEqual({ code: "malformed_json" });
  });

  test("begins anew with messages that come again after too many", () => {
    const text = `{${model},"messages":[${"7,".repeat(MAX_RANGES)}7],"messages":[{"content":["x","y"]}]}`;
    expect(rangesOf(requestOf("chat", text))).toEqual([["x", "y"]]);
  });

  test("is not the `prompt` of completions", () => {
    expect(requestOf("chat", `{${model},"prompt":"a"}`).prompt).toBeNull();
  });
});

describe("parseBody, the prompt of completions", () => {
  test.each<[string, string, string[][], number]>([
    ["a string", '"ab"', [["ab"]], 2],
    ["the first string of several", '["ab","cde"]', [["ab"]], 5],
    ["token ids without brackets", "[ 1, 2,3 ]", [["1, 2,3"]], 6],
    ["the first token ids of several", "[[1,2],[3],[]]", [["1,2"]], 4],
    ["the first of mixed prompts", '["ab",[1,2]]', [["ab"]], 5],
  ])("is %s", (_, prompt, parts, bytes) => {
    const request = completions(prompt);
    expect(rangesOf(request)).toEqual(parts);
    expect(request.promptBytes).toBe(bytes);
  });

  test.each(["null", "7", "{}", "true", '""', "[]", "[ ]", '[""]', "[[]]"])("is null for %s", (prompt) => {
    expect(completions(prompt)).toMatchObject({ prompt: null, promptBytes: 0 });
  });

  test("is the last of repeated ones", () => {
    const request = requestOf("completions", `{"prompt":["a","b"],"prompt":"c",${model}}`);
    expect(rangesOf(request)).toEqual([["c"]]);
    expect(request.promptBytes).toBe(1);
  });

  test("is not the `messages` of a chat", () => {
    expect(requestOf("completions", `{${model},"messages":[{"content":"a"}],"tools":[1]}`).prompt).toBeNull();
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
      [["user", '{"url":"da']],
    ],
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

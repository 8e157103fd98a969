import { describe, expect, test } from "vitest";
import { type InferenceRequest, type JsonApi, LONGEST_MODEL } from "../../../src/request/inference-request.ts";
import { parseBody } from "../../../src/request/parse-body.ts";
import { MAX_RANGES } from "../../../src/request/prompt-ranges.ts";
import { rangesOf, requestOf } from "../../support/prompt-text.ts";

const model = '"model":"m"';

function chat(messages: string): InferenceRequest {
  return requestOf("chat", `{${model},"messages":${messages}}`);
}

function completions(prompt: string): InferenceRequest {
  return requestOf("completions", `{${model},"prompt":${prompt}}`);
}

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
      "blocks of text without their cache hints",
      '[{"content":[{"cache_control":{"x":1},"type":"text","text":"a"},{"text":"b","n":null}]}]',
      [["a", "b"]],
    ],
    ["the last text of a block", '[{"content":[{"text":"a","text":"b"}]}]', [["b"]]],
    ["all of a block that is more than a text", '[{"content":[{"text":"a","n":2}]}]', [["{", "a", "n", "2"]]],
    ["the type of a block that is no text", '[{"content":[{"text":"a","type":"x"}]}]', [["{", "a", "x"]]],
    ["a text that is no string, as it stands", '[{"content":[{"text":"a","text":[1]}]}]', [["{", "[1]"]]],
    [
      "other blocks by what they hold",
      '[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}},{"type":"text","text":"a"}]}]',
      [["user", "{", '{"url":"data:x"}', "image_url", "a"]],
    ],
    [
      "unknown members of a block by their names, the last of each",
      '[{"content":[{"zeta":1,"eta":"x","zeta":[2],"iota":"","eta":"y","z":3}]}]',
      [["{", "eta", "y", "z", "3", "zeta", "[2]"]],
    ],
    [
      "audio",
      '[{"content":[{"input_audio":{"data":"x"},"type":"input_audio"}]}]',
      [["{", '{"data":"x"}', "input_audio"]],
    ],
    ["blocks of odd types", '[{"content":[7,null,[8],{}]}]', [["7", "[8]"]]],
    ["content of odd types", '[{"content":7},{"content":{"a":1}},{"content":true}]', [["7"], ['{"a":1}'], ["true"]]],
    ["null and missing content", '[{"role":"assistant","content":null},{"role":"user"}]', [["assistant"], ["user"]]],
    ["tool calls", '[{"tool_calls":[{"id":"1"}],"content":null,"role":"assistant"}]', [["assistant", '[{"id":"1"}]']]],
    ["tool results", '[{"content":"42","tool_call_id":"c1","name":"f","role":"tool"}]', [["tool", "f", "c1", "42"]]],
    [
      "reasoning",
      '[{"reasoning_content":"R","reasoning":"r","content":"C","role":"assistant"}]',
      [["assistant", "C", "r", "R"]],
    ],
    ["no unknown members of messages", '[{"role":"user","x":"y","content":"U","refusal":"z"}]', [["user", "U"]]],
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
    ["blocks of a message", (items: string) => `[{"content":${items}}]`],
  ])("leaves out %s beyond the most it keeps, but checks them", (_, around) => {
    const kept = '{"content":"a"},'.repeat(MAX_RANGES);
    const text = (beyond: string) => `{${model},"messages":${around(`[${kept}${beyond}]`)}}`;
    expect(requestOf("chat", text('{"content":"b"}')).prompt?.count).toBe(MAX_RANGES);
    expect(parseBody("chat", Buffer.from(text('{"content"}')), false)).toEqual({ code: "malformed_json" });
  });

  test("leaves out blocks beyond the most it keeps of all messages", () => {
    const blocks = '"a",'.repeat(MAX_RANGES - 2);
    const text = `{${model},"messages":[{"content":[${blocks}"a"]},{"content":["b","c","d"]}]}`;
    expect(rangesOf(requestOf("chat", text)).at(-1)).toEqual(["b"]);
  });

  test("takes nothing behind what it leaves out, even where there is room", () => {
    const after = '{"role":"user","content":"after"}';
    const empty = "{},".repeat(MAX_RANGES);
    for (const messages of [`${empty}{"content":"out"},${after}`, `{"content":[${empty}"out"]},${after}`]) {
      expect(requestOf("chat", `{${model},"messages":[${messages}]}`).prompt).toBeNull();
    }
    // The block's brace has room, its text has none.
    const blocks = `${'"a",'.repeat(MAX_RANGES - 1)}{"id":"x"},"b"`;
    expect(rangesOf(requestOf("chat", `{${model},"messages":[{"content":[${blocks}]}]}`))[0]).not.toContain("b");
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

describe("parseBody, the prompt of other APIs", () => {
  test.each<[JsonApi, string, string[][]]>([
    ["messages", '"system":"S","messages":[{"content":"a"}]', [["S"], ["a"]]],
    ["messages", '"system":["S",{"text":"T","cache_control":{}}],"tools":[1]', [["[1]"], ["S", "T"]]],
    ["messages", '"system":[{"text":"x-anthropic-billing-header: 1"},{"text":"S"}]', [["S"]]],
    ["messages", '"system":[{"text":"x-anthropic-billing"},{"text":"S"}]', [["x-anthropic-billing", "S"]]],
    ["chat", '"messages":[{"content":[{"text":"x-anthropic-billing-header"}]}]', [["x-anthropic-billing-header"]]],
    ["responses", '"input":"a","instructions":"I"', [["I"], ["a"]]],
    ["responses", '"input":["a",{"role":"user","content":"b"}]', [["a"], ["user", "b"]]],
    ["responses", '"input":[{"y":"2","x":"1","id":"i","type":"t"}]', [["t", "i", "x", "1", "y", "2"]]],
    ["responses", '"input":7,"reasoning":{"effort":"low"}', [["low"]]],
    ["responses", '"reasoning":{"effort":"low"},"reasoning":{"x":1},"input":"a"', [["a"]]],
    ["responses", '"reasoning":{"effort":"low"},"reasoning":null,"input":"a"', [["a"]]],
    ["rerank", '"query":{"text":"q"},"documents":[{"text":"a"},"b"]', [['{"text":"q"}'], ['{"text":"a"}']]],
    ["embeddings", '"input":{"text":"q"}', []],
    [
      "token-generate",
      '"features":{"mm_hashes":{"image":["h"]},"x":1},"token_ids":[1,2]',
      [['{"image":["h"]}'], ["1,2"]],
    ],
    ["tokenize", '"prompt":"a"', []],
  ])("%s: %s", (api, members, parts) => {
    expect(rangesOf(requestOf(api, `{${model},${members}}`))).toEqual(parts);
  });

  test("counts as load where nothing of it stays in a cache", () => {
    expect(requestOf("tokenize", '{"prompt":"abcd"}')).toMatchObject({ prompt: null, promptBytes: 4 });
  });

  test.each<[JsonApi, string, string]>([
    ["chat", '"user":"u","prompt_cache_key":"k"', "k"],
    ["chat", '"user":"u","prompt_cache_key":""', "u"],
    ["chat", '"user":7', ""],
    ["chat", `"user":"${"u".repeat(LONGEST_MODEL + 1)}"`, ""],
    ["responses", '"conversation":"c","user":"u"', "c"],
    ["responses", '"conversation":{"id":"c"}', "c"],
    ["responses", '"conversation":{"id":"c"},"conversation":{"x":"d"},"user":"u"', "u"],
    ["responses", '"previous_response_id":"r"', ""],
    ["messages", '"metadata":{"user_id":"\\u0041"}', "A"],
    ["messages", '"metadata":"user_id","user":"u"', ""],
  ])("%s: the session of %s is %j", (api, members, session) => {
    expect(requestOf(api, `{${model},${members}}`).session).toBe(session);
  });

  test("names the adapter that a field of its own names, and keeps it apart from the text", () => {
    const request = requestOf("generate", '{"text":"a","lora_path":"l","extra_key":"e","cache_salt":"s"}');
    expect(request).toMatchObject({ adapter: "l", model: "", promptBytes: 1 });
    expect(rangesOf(request)).toEqual(["salt s", "salt e", "adapter l", ["a"]]);
  });
});

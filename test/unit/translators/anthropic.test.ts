import { describe, expect, test } from "vitest";
import anthropic from "../../../src/translators/anthropic.ts";
import { type JsonObject, type JsonValue, Untranslatable } from "../../../src/translators/translator.ts";
import { oldMessages, anthropic as provider } from "../../support/provider-schemas/anthropic.ts";
import { requestFaults } from "../../support/provider-schemas/provider-schema.ts";

const asked = {
  path: "/v1/chat/completions",
  model: "claude",
  askedModel: "gpt",
  streams: false,
  wantsUsage: false,
  wantsBase64: false,
};
const newMessages = provider.requests.chat ?? oldMessages;
const options = { apiVersion: "2026-10-21", maxTokens: 100, effort: true, sampling: "by-name" };

function request(more: JsonObject, changed: Partial<typeof options> = {}, model = "claude") {
  const body = { model: "gpt", messages: [{ role: "user", content: "Hello" }], ...more };
  const made = anthropic.translated.chat?.request(body, { ...asked, model }, { ...options, ...changed });
  if (made === undefined) throw new Error("there is no chat");
  return made;
}

const bodyOf = (more: JsonObject, changed: Partial<typeof options> = {}) => request(more, changed).body;
const tool = { type: "function", function: { name: "f" } };

function paramOf(more: JsonObject): string {
  try {
    request(more);
  } catch (error) {
    if (error instanceof Untranslatable) return error.param;
    throw error;
  }
  return "nothing was refused";
}

describe("anthropic", () => {
  test("samples where the version of the API knows how, as far as it goes", () => {
    const sampling = { temperature: 1.7, top_p: 0.5, top_k: 9 };
    expect(bodyOf(sampling)).toEqual(bodyOf({}));
    const old = request(sampling, { apiVersion: "2023-06-01" });
    expect(requestFaults(oldMessages, old, false)).toEqual([]);
    expect(old.body).toMatchObject({ temperature: 1, top_k: 9 });
    expect(old.body).not.toHaveProperty("top_p");
    expect(old.headers).toEqual({ "anthropic-version": "2023-06-01" });
    const both = request(sampling, { apiVersion: "2023-06-01" }, "claude-sonnet-4-20250514");
    expect(both.body).toMatchObject({ temperature: 1, top_p: 0.5, top_k: 9 });
  });

  test("does not sample where it thinks", () => {
    const more = { temperature: 0.2, top_p: 0.9, top_k: 5, reasoning_effort: "low" };
    const body = bodyOf(more, { apiVersion: "2023-06-01" });
    expect(body).toMatchObject({ thinking: { type: "adaptive" } });
    for (const name of ["temperature", "top_p", "top_k"]) expect(body).not.toHaveProperty(name);
    expect(bodyOf({ ...more, reasoning_effort: "none" }, { apiVersion: "2023-06-01" })).toMatchObject({
      temperature: 0.2,
    });
  });

  test("tells no effort to a model whose name says that it refuses it", () => {
    const { body } = request({ reasoning_effort: "low" }, {}, "claude-sonnet-4-5");
    expect(Object.keys(body ?? {})).toEqual(["model", "max_tokens", "messages"]);
    expect(request({ reasoning_effort: "low" }, {}, "claude-opus-4-6").body).toHaveProperty("thinking");
  });

  test("gives a call whose id Anthropic does not take another, the same as its result", () => {
    const call = { id: "functions.f:0", ...tool, function: { name: "f", arguments: "{}" } };
    const messages = [
      { role: "user", content: "a" },
      { role: "assistant", content: "\n\n", tool_calls: [call] },
      { role: "tool", tool_call_id: "functions.f:0", content: " " },
    ];
    const made = request({ messages, tools: [tool] });
    expect(requestFaults(newMessages, made, false)).toEqual([]);
    expect(made.body).toMatchObject({ messages: [{}, { content: [{ type: "tool_use" }] }, {}] });
  });

  test("leaves out a turn of which nothing is left", () => {
    const thinking_blocks = [{ type: "thinking", thinking: "unsigned" }];
    const messages = [
      { role: "user", content: "a" },
      { role: "assistant", content: "", thinking_blocks },
      { role: "user", content: "b" },
    ];
    expect(bodyOf({ messages })).toMatchObject({ messages: [{ content: [{ text: "a" }, { text: "b" }] }] });
  });

  test("sets the limit that Anthropic demands where the client sets none", () => {
    expect(bodyOf({})).toMatchObject({ max_tokens: 100 });
    expect(bodyOf({ max_tokens: 5 })).toMatchObject({ max_tokens: 5 });
  });

  test.each<[JsonValue, JsonObject]>([
    ["none", { thinking: { type: "disabled" } }],
    ["minimal", { output_config: { effort: "low" }, thinking: { type: "adaptive" } }],
    ["xhigh", { output_config: { effort: "xhigh" }, thinking: { type: "adaptive" } }],
  ])("thinks with the effort %s", (effort, expected) => {
    expect(bodyOf({ reasoning_effort: effort })).toEqual({ ...bodyOf({}), ...expected });
    expect(bodyOf({ reasoning_effort: effort }, { effort: false })).toEqual(bodyOf({}));
  });

  test("has effort and format beside each other", () => {
    const schema = { type: "object" };
    const format = { type: "json_schema", json_schema: { name: "n", schema } };
    const output = {
      effort: "high",
      format: { type: "json_schema", schema: { ...schema, additionalProperties: false } },
    };
    expect(bodyOf({ reasoning_effort: "high", response_format: format })).toMatchObject({ output_config: output });
    expect(bodyOf({ reasoning_effort: "none", response_format: format })).toMatchObject({
      output_config: { format: output.format },
      thinking: { type: "disabled" },
    });
  });

  test.each<[JsonValue, JsonValue]>([
    ["auto", { type: "auto", disable_parallel_tool_use: true }],
    ["none", { type: "none" }],
    ["required", { type: "any", disable_parallel_tool_use: true }],
    [tool, { type: "tool", name: "f", disable_parallel_tool_use: true }],
    [
      { type: "allowed_tools", allowed_tools: { mode: "required", tools: [tool] } },
      { type: "any", disable_parallel_tool_use: true },
    ],
    [null, { type: "auto", disable_parallel_tool_use: true }],
  ])("calls one tool at a time with the choice %j", (choice, expected) => {
    const more = { tools: [tool], tool_choice: choice, parallel_tool_calls: false };
    expect(bodyOf(more)).toMatchObject({ tool_choice: expected });
  });

  test.each(["required", { type: "allowed_tools", allowed_tools: { mode: "required", tools: [tool] } }])(
    "does not think where a tool must be called: %j",
    (choice) => {
      expect(bodyOf({ tools: [tool], tool_choice: choice, reasoning_effort: "high" })).not.toHaveProperty("thinking");
    },
  );

  test("shows only the tools that may be called", () => {
    const other = { type: "function", function: { name: "g" } };
    const choice = { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [other] } };
    expect(bodyOf({ tools: [tool, other], tool_choice: choice })).toMatchObject({
      tools: [{ name: "g" }],
      tool_choice: { type: "auto" },
    });
  });

  test("gives a schema without a type the one that is demanded", () => {
    const typeless = { type: "function", function: { name: "f", parameters: {} } };
    expect(bodyOf({ tools: [typeless] })).toMatchObject({ tools: [{ input_schema: { type: "object" } }] });
  });

  test.each<[JsonValue, JsonObject]>([
    ["auto", { service_tier: "auto" }],
    ["default", { service_tier: "standard_only" }],
    ["flex", {}],
  ])("has %s for a tier", (tier, expected) => {
    expect(bodyOf({ service_tier: tier })).toEqual({ ...bodyOf({}), ...expected });
  });

  const content = (part: JsonObject) => ({ messages: [{ role: "user", content: [part] }] });
  const picture = (url: string) => content({ type: "image_url", image_url: { url } });
  const file = (data: string) => content({ type: "file", file: { file_data: data } });
  test.each<[string, JsonObject, string]>([
    ["a picture of a kind that Claude does not read", picture("data:image/bmp;base64,AAAA"), "messages[0].content[0]"],
    ["a picture in a bucket", picture("gs://a/b.png"), "messages[0].content[0]"],
    ["a file that is no document", file("data:application/zip;base64,AAAA"), "messages[0].content[0]"],
    ["a stop at a line's end", { stop: ["\n"] }, "stop"],
  ])("refuses %s", (_title, more, param) => {
    expect(paramOf(more)).toBe(param);
  });

  test("takes jpg for jpeg, and fetches documents by their address", () => {
    expect(JSON.stringify(bodyOf(picture("data:image/jpg;base64,AAAA")))).toContain('"media_type":"image/jpeg"');
    expect(JSON.stringify(bodyOf(file("https://a/b.pdf")))).toContain(
      '"source":{"type":"url","url":"https://a/b.pdf"}',
    );
  });

  test("passes the client's own messages, with the query and without the gateway's prefix", () => {
    const at = (path: string) => anthropic.passed.messages?.path({ ...asked, path }, options);
    expect(at("/anthropic/v1/messages?beta=true")).toBe("/v1/messages?beta=true");
    expect(at("/v1/messages")).toBe("/v1/messages");
    const counted = anthropic.passed["count-tokens"]?.path({ ...asked, path: "/x/v1/messages/count_tokens" }, options);
    expect(counted).toBe("/v1/messages/count_tokens");
  });
});

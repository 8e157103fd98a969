import { describe, expect, test } from "vitest";
import { carried, refused } from "../../../src/translators/chat-fields.ts";
import { readChatRequest } from "../../../src/translators/chat-request.ts";
import { type JsonObject, type JsonValue, Untranslatable } from "../../../src/translators/translator.ts";

const messages = [{ role: "user", content: "Hello" }];
const read = (more: JsonObject) => readChatRequest({ model: "gpt", messages, ...more }, []);

function refusal(act: () => unknown): readonly [param: string, says: string] {
  try {
    act();
  } catch (error) {
    if (error instanceof Untranslatable) return [error.param, error.message];
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("readChatRequest", () => {
  test("reads what is absent, or null, as what OpenAI takes it for", () => {
    const absent = read({});
    const names = ["tools", "tool_choice", "response_format", "max_tokens", "temperature", "stop", "n", "logprobs"];
    expect(read(Object.fromEntries(names.map((name) => [name, null])))).toEqual(absent);
    expect(absent).toMatchObject({ system: [], tools: [], stop: [], choices: 1, logprobs: false });
    expect(absent.maxTokens).toBeUndefined();
    expect(absent.responseFormat).toBeUndefined();
  });

  test("prefers the newer of two names for one thing", () => {
    expect(read({ max_tokens: 1, max_completion_tokens: 2 }).maxTokens).toBe(2);
    expect(read({ max_tokens: 1 }).maxTokens).toBe(1);
    expect(read({ user: "old", safety_identifier: "new" }).endUser).toBe("new");
    expect(read({ user: "old" }).endUser).toBe("old");
  });

  test("reads one stop as a list of one", () => {
    expect(read({ stop: "END" }).stop).toEqual(["END"]);
    expect(read({ stop: ["a", "b"] }).stop).toEqual(["a", "b"]);
    expect([read({ stop: "" }).stop, read({ stop: ["", "a"] }).stop]).toEqual([[], ["a"]]);
  });

  test("reads a format of text as none, and a schema with what may be absent", () => {
    expect(read({ response_format: { type: "text" } }).responseFormat).toBeUndefined();
    expect(read({ response_format: { type: "json_object" } }).responseFormat).toEqual({ kind: "json" });
    const format = { type: "json_schema", json_schema: { name: "n" } };
    expect(read({ response_format: format }).responseFormat).toEqual({
      ...{ kind: "schema", name: "n", description: "", schema: {}, strict: undefined },
      at: "response_format.json_schema.schema",
    });
  });

  test.each<[string, JsonObject, string]>([
    ["messages that are none", { messages: "Hello" }, "messages"],
    ["messages that are absent", { messages: null }, "messages"],
    ["a message that is none", { messages: ["Hello"] }, "messages[0]"],
    ["a number that is text", { max_tokens: "5" }, "max_tokens"],
    ["a flag that is text", { parallel_tool_calls: "no" }, "parallel_tool_calls"],
    ["a stop that is a number", { stop: [5] }, "stop[0]"],
    ["an effort that is unknown", { reasoning_effort: "huge" }, "reasoning_effort"],
    ["a format that is unknown", { response_format: { type: "xml" } }, "response_format.type"],
    [
      "a schema without a name",
      { response_format: { type: "json_schema", json_schema: {} } },
      "response_format.json_schema.name",
    ],
  ])("names the place of %s", (_title, more, param) => {
    expect(refusal(() => read(more))[0]).toBe(param);
  });

  describe("what goes on as it is", () => {
    const nested = (levels: number): JsonObject => (levels === 0 ? {} : { a: [nested(levels - 2)] });
    const places: readonly (readonly [string, (value: JsonObject) => JsonObject])[] = [
      [
        "tools[0].function.parameters",
        (value) => ({ tools: [{ type: "function", function: { name: "f", parameters: value } }] }),
      ],
      [
        "response_format.json_schema.schema",
        (value) => ({ response_format: { type: "json_schema", json_schema: { name: "n", schema: value } } }),
      ],
      [
        "messages[0].tool_calls[0].function.arguments",
        (value) => ({
          messages: [
            {
              role: "assistant",
              tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: JSON.stringify(value) } }],
            },
          ],
        }),
      ],
    ];
    test.each(places)("may not be nested too deeply to be written: %s", (param, more) => {
      read(more(nested(254)));
      expect(refusal(() => read(more(nested(258))))[0]).toBe(param);
    });
  });

  describe("with a table that refuses", () => {
    const rows = [
      { field: "logprobs", ...refused("no probabilities") },
      { field: "functions", ...refused("use tools") },
      { field: "logit_bias", ...refused("no preferences") },
      { field: "n > 1", ...refused("one answer") },
      { field: "modalities audio", ...refused("no voice") },
      { field: "response_format json_object", ...refused("no JSON mode") },
      { field: "reasoning_effort none", ...refused("always thinks") },
      { field: "temperature > 1", ...refused("too hot") },
      { field: "parallel_tool_calls false", ...refused("always parallel") },
      { field: "seed", ...carried("seed") },
    ];
    const readBy = (more: JsonObject) => readChatRequest({ model: "gpt", messages, ...more }, rows);

    test.each<[string, JsonValue, string, string]>([
      ["logprobs", true, "logprobs", "no probabilities"],
      ["functions", [{}], "functions", "use tools"],
      ["logit_bias", { 5: 1 }, "logit_bias", "no preferences"],
      ["n", 2, "n", "one answer"],
      ["modalities", ["text", "audio"], "modalities", "no voice"],
      ["response_format", { type: "json_object" }, "response_format.type", "no JSON mode"],
      ["reasoning_effort", "none", "reasoning_effort", "always thinks"],
      ["temperature", 1.5, "temperature", "too hot"],
      ["parallel_tool_calls", false, "parallel_tool_calls", "always parallel"],
    ])("refuses %s of %j", (name, value, param, says) => {
      expect(refusal(() => readBy({ [name]: value }))).toEqual([param, says]);
    });

    test("lets pass what asks for nothing, and other values", () => {
      const asks = {
        logprobs: false,
        functions: [],
        logit_bias: {},
        n: 1,
        modalities: ["text"],
        temperature: 1,
        seed: 7,
      };
      const more = { response_format: { type: "text" }, reasoning_effort: "low", parallel_tool_calls: true };
      expect(readBy({ ...asks, ...more }).seed).toBe(7);
    });
  });
});

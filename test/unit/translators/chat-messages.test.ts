import { describe, expect, test } from "vitest";
import { readMessages } from "../../../src/translators/chat-messages.ts";
import { type JsonObject, type JsonValue, Untranslatable } from "../../../src/translators/translator.ts";

const user = (content: JsonValue) => ({ role: "user", content });
const call = (id: string, name: string, args: JsonValue = "{}") => ({
  id,
  type: "function",
  function: { name, arguments: args },
});
const assistant = (more: JsonObject) => ({ role: "assistant", ...more });
const result = (id: string, content: JsonValue) => ({ role: "tool", tool_call_id: id, content });

/** Each turn as the kinds and texts of its parts. */
function turnsOf(...messages: readonly JsonObject[]) {
  return readMessages(messages).turns.map(({ role, parts }) => [
    role,
    ...parts.map((part) =>
      "text" in part ? part.text : "name" in part && part.kind !== "file" ? `${part.kind} ${part.name}` : part.kind,
    ),
  ]);
}

function paramOf(...messages: readonly JsonObject[]): string {
  try {
    readMessages(messages);
  } catch (error) {
    if (error instanceof Untranslatable) return error.param;
    throw error;
  }
  return "nothing was refused";
}

describe("readMessages", () => {
  test("has user and assistant take turns, whoever spoke twice, and keeps nothing of who said nothing", () => {
    expect(
      turnsOf(
        user("a"),
        user("b"),
        assistant({ content: "" }),
        user("c"),
        assistant({ content: "d" }),
        assistant({ content: "e" }),
      ),
    ).toEqual([
      ["user", "a", "b", "c"],
      ["assistant", "d", "e"],
    ]);
  });

  test("takes the system's and the developer's words out, wherever they stand", () => {
    const { system, turns } = readMessages([
      { role: "system", content: "a" },
      user("b"),
      { role: "developer", content: [{ type: "text", text: "c" }] },
      user("d"),
    ]);
    expect(system.map(({ text, at }) => [text, at])).toEqual([
      ["a", "messages[0].content"],
      ["c", "messages[2].content[0]"],
    ]);
    expect(turns).toHaveLength(1);
  });

  test("groups results in the turn behind their calls, before what the user says, by the names of their calls", () => {
    const calls = assistant({ content: "t", tool_calls: [call("1", "f"), call("2", "g")] });
    expect(turnsOf(user("a"), calls, result("2", "x"), user("b"), result("1", "y"))).toEqual([
      ["user", "a"],
      ["assistant", "t", "tool-call f", "tool-call g"],
      ["user", "tool-result g", "tool-result f", "b"],
    ]);
  });

  test("reads a call's arguments, and none as an empty object", () => {
    const { turns } = readMessages([
      assistant({ tool_calls: [call("1", "f", ' {"a":[1]} '), call("2", "g", ""), call("3", "h", null)] }),
    ]);
    expect(turns[0]?.parts.map((part) => part.kind === "tool-call" && part.args)).toEqual([{ a: [1] }, {}, {}]);
  });

  test("keeps what models want back: thoughts with their signature, and Google's signature of a call", () => {
    const google = { extra_content: { google: { thought_signature: "s" } } };
    const { turns } = readMessages([
      assistant({
        content: "so",
        reasoning_content: "left to the blocks",
        thinking_blocks: [
          { type: "thinking", thinking: "hm", signature: "sig" },
          { type: "redacted_thinking", data: "hidden" },
        ],
        tool_calls: [{ ...call("1", "f"), ...google }],
      }),
    ]);
    expect(turns[0]?.parts).toMatchObject([
      { kind: "thinking", text: "hm", signature: "sig", encrypted: "" },
      { kind: "thinking", text: "", signature: "", encrypted: "hidden" },
      { kind: "text", text: "so" },
      { kind: "tool-call", signature: "s" },
    ]);
  });

  test("keeps the mark of a result's content for the whole result", () => {
    const marked = [{ type: "text", text: "x", cache_control: { type: "ephemeral", ttl: "1h" } }];
    const { turns } = readMessages([assistant({ tool_calls: [call("1", "f")] }), result("1", marked)]);
    expect(turns[1]?.parts[0]).toMatchObject({ kind: "tool-result", cachePoint: { ttl: "1h" } });
  });

  test("reads a refusal as what was said", () => {
    expect(turnsOf(assistant({ content: null, refusal: "no" }))).toEqual([["assistant", "no"]]);
    expect(turnsOf(assistant({ content: [{ type: "refusal", refusal: "never" }] }))).toEqual([["assistant", "never"]]);
  });

  test.each<[string, JsonObject[], string]>([
    ["a role that is unknown", [{ role: "function", name: "f", content: "x" }], "messages[0].role"],
    ["a result without a call", [user("a"), result("9", "x")], "messages[1].tool_call_id"],
    [
      "a result before its call",
      [result("1", "x"), assistant({ tool_calls: [call("1", "f")] })],
      "messages[0].tool_call_id",
    ],
    [
      "arguments that are no JSON",
      [assistant({ tool_calls: [call("1", "f", "{a")] })],
      "messages[0].tool_calls[0].function.arguments",
    ],
    [
      "arguments that are no object",
      [assistant({ tool_calls: [call("1", "f", "[1]")] })],
      "messages[0].tool_calls[0].function.arguments",
    ],
    ["a custom call", [assistant({ tool_calls: [{ id: "1", type: "custom" }] })], "messages[0].tool_calls[0].type"],
    [
      "a call without an id",
      [assistant({ tool_calls: [{ ...call("1", "f"), id: null }] })],
      "messages[0].tool_calls[0].id",
    ],
    ["a function call of old", [assistant({ function_call: { name: "f" } })], "messages[0].function_call"],
    ["audio of OpenAI's", [assistant({ audio: { id: "a" } })], "messages[0].audio"],
    [
      "a picture of the system's",
      [{ role: "system", content: [{ type: "image_url", image_url: { url: "https://a/b" } }] }],
      "messages[0].content[0]",
    ],
    [
      "thoughts of an unknown kind",
      [assistant({ thinking_blocks: [{ type: "x" }] })],
      "messages[0].thinking_blocks[0].type",
    ],
    ["a user who says nothing", [user(null)], "messages[0].content"],
    ["nobody but the system", [{ role: "system", content: "a" }], "messages"],
    ["nobody who says more than space", [user(" ")], "messages"],
    ["nobody at all", [], "messages"],
  ])("names the place of %s", (_title, messages, param) => {
    expect(paramOf(...messages)).toBe(param);
  });
});

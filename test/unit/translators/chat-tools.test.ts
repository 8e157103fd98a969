import { describe, expect, test } from "vitest";
import { allowedTools, readToolChoice, readTools } from "../../../src/translators/chat-tools.ts";
import { type JsonValue, Untranslatable } from "../../../src/translators/translator.ts";

const tools = readTools({
  tools: [
    { type: "function", function: { name: "a", description: "A", parameters: { type: "object" }, strict: true } },
    { type: "function", function: { name: "b" }, cache_control: { type: "ephemeral" } },
  ],
});
const named = (name: string) => ({ type: "function", function: { name } });

function paramOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof Untranslatable) return error.param;
    throw error;
  }
  return "nothing was refused";
}

describe("readTools", () => {
  test("reads a tool with all it may have, and one with nothing but its name", () => {
    expect(tools).toEqual([
      {
        name: "a",
        description: "A",
        parameters: { type: "object" },
        strict: true,
        cachePoint: undefined,
        at: "tools[0]",
      },
      {
        ...{ name: "b", description: "", parameters: { type: "object", properties: {} }, strict: undefined },
        ...{ cachePoint: { ttl: "" }, at: "tools[1]" },
      },
    ]);
    expect(readTools({})).toEqual([]);
  });

  test.each<[JsonValue, string]>([
    [{ type: "custom", custom: { name: "a" } }, "tools[0].type"],
    [{ type: "function" }, "tools[0].function"],
    [{ type: "function", function: {} }, "tools[0].function.name"],
    ["a", "tools[0]"],
  ])("names what is wrong with %j", (tool, param) => {
    expect(paramOf(() => readTools({ tools: [tool] }))).toBe(param);
  });
});

describe("readToolChoice", () => {
  test.each<[JsonValue, unknown]>([
    ["auto", { kind: "auto" }],
    ["none", { kind: "none" }],
    ["required", { kind: "required" }],
    [named("b"), { kind: "tool", name: "b" }],
    [
      { type: "allowed_tools", allowed_tools: { mode: "required", tools: [named("b")] } },
      { kind: "allowed", mode: "required", names: ["b"] },
    ],
  ])("reads %j", (choice, expected) => {
    expect(readToolChoice(choice, "tool_choice", tools)).toEqual(expected);
  });

  test.each<[JsonValue, string]>([
    ["any", "tool_choice"],
    [{ type: "custom" }, "tool_choice.type"],
    [named("c"), "tool_choice.function.name"],
    [{ type: "allowed_tools", allowed_tools: { mode: "x", tools: [] } }, "tool_choice.allowed_tools.mode"],
    [
      { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [named("a"), named("c")] } },
      "tool_choice.allowed_tools.tools[1].function.name",
    ],
  ])("names what is wrong with %j", (choice, param) => {
    expect(paramOf(() => readToolChoice(choice, "tool_choice", tools))).toBe(param);
  });

  test("refuses that a tool must be called where there is none", () => {
    expect(paramOf(() => readToolChoice("required", "tool_choice", []))).toBe("tool_choice");
    expect(readToolChoice("none", "tool_choice", [])).toEqual({ kind: "none" });
  });
});

describe("allowedTools", () => {
  test("are all, unless the choice is of some", () => {
    expect(allowedTools(tools, undefined)).toBe(tools);
    expect(allowedTools(tools, { kind: "tool", name: "b" })).toBe(tools);
    expect(allowedTools(tools, { kind: "allowed", mode: "auto", names: ["b"] }).map(({ name }) => name)).toEqual(["b"]);
  });
});

/** Anthropic's Messages API of 2026-10-21, and what 2023-06-01 had beside it. https://docs.claude.com/en/api/messages */
import {
  also,
  base64,
  flag,
  integer,
  isRecord,
  list,
  number,
  object,
  oneOf,
  type Schema,
  someText,
  tagged,
  text,
} from "../strict-schema.ts";
import type { Provider, RequestSchema } from "./provider-schema.ts";

const cacheControl = object({ type: oneOf("ephemeral"), "ttl?": oneOf("5m", "1h") });
const textBlock = object({ type: oneOf("text"), text: text(/\S/), "cache_control?": cacheControl });
const url = object({ type: oneOf("url"), url: text(/^https?:\/\//) });

const image = object({
  type: oneOf("image"),
  source: tagged("type", {
    base64: object({
      type: oneOf("base64"),
      media_type: oneOf("image/jpeg", "image/png", "image/gif", "image/webp"),
      data: base64,
    }),
    url,
  }),
  "cache_control?": cacheControl,
});

const document = object({
  type: oneOf("document"),
  source: tagged("type", {
    base64: object({ type: oneOf("base64"), media_type: oneOf("application/pdf"), data: base64 }),
    text: object({ type: oneOf("text"), media_type: oneOf("text/plain"), data: someText }),
    url,
  }),
  "title?": someText,
  "cache_control?": cacheControl,
});

const toolId = text(/^[a-zA-Z0-9_-]+$/);
const toolName = text(/^[a-zA-Z0-9_-]{1,128}$/);

const toolResult = object({
  type: oneOf("tool_result"),
  tool_use_id: toolId,
  "content?": list(tagged("type", { text: textBlock, image, document })),
  "cache_control?": cacheControl,
});

const toolUse = object({
  type: oneOf("tool_use"),
  id: toolId,
  name: toolName,
  input: (value, at) => isRecordFault(value, at),
});

function isRecordFault(value: unknown, at: string): string[] {
  return isRecord(value) ? [] : [`${at}: expected an object`];
}

const userMessage = also(
  object({
    role: oneOf("user"),
    content: list(tagged("type", { text: textBlock, image, document, tool_result: toolResult }), 1),
  }),
  "results of tools come first",
  ({ content }) => {
    const types = kindsOf(content);
    return types.lastIndexOf("tool_result") < types.filter((type) => type === "tool_result").length;
  },
);

const assistantMessage = object({
  role: oneOf("assistant"),
  content: list(
    tagged("type", {
      text: textBlock,
      tool_use: toolUse,
      thinking: object({ type: oneOf("thinking"), thinking: text(), signature: someText }),
      redacted_thinking: object({ type: oneOf("redacted_thinking"), data: someText }),
    }),
    1,
  ),
});

function kindsOf(content: unknown): unknown[] {
  return Array.isArray(content) ? content.map((block) => (isRecord(block) ? block["type"] : undefined)) : [];
}

function idsOf(message: unknown, type: string, member: string): unknown[] {
  const content = isRecord(message) && Array.isArray(message["content"]) ? message["content"] : [];
  return content.filter((block) => isRecord(block) && block["type"] === type).map((block) => block[member]);
}

/** The API refuses a call whose result is not in the very next message, and a result without its call. */
function callsAreAnswered(messages: unknown): boolean {
  if (!Array.isArray(messages)) return false;
  return messages.every((message, index) => {
    const called = idsOf(message, "tool_use", "id").sort();
    const answered = idsOf(messages[index + 1], "tool_result", "tool_use_id").sort();
    return index === messages.length - 1 || JSON.stringify(called) === JSON.stringify(answered);
  });
}

function turnsAlternate(messages: unknown): boolean {
  const roles = Array.isArray(messages) ? messages.map((message) => (isRecord(message) ? message["role"] : "")) : [];
  return roles.every((role, index) => role !== roles[index + 1]);
}

/** Anthropic refuses schemas of objects that leave open what else is in them. */
function isClosed(schema: Record<string, unknown>): boolean {
  return schema["type"] !== "object" || schema["additionalProperties"] === false;
}

const parallel = { "disable_parallel_tool_use?": flag };

function bodyOf(more: Readonly<Record<string, Schema>>): Schema {
  const members = object({
    model: someText,
    max_tokens: integer(1),
    messages: list(tagged("role", { user: userMessage, assistant: assistantMessage }), 1),
    "system?": list(textBlock, 1),
    "stop_sequences?": list(text(/\S/), 1),
    "stream?": flag,
    "metadata?": object({ "user_id?": text(/^[\s\S]{1,256}$/) }),
    "service_tier?": oneOf("auto", "standard_only"),
    "thinking?": tagged("type", {
      adaptive: object({ type: oneOf("adaptive") }),
      disabled: object({ type: oneOf("disabled") }),
    }),
    "output_config?": object({
      "effort?": oneOf("low", "medium", "high", "xhigh", "max"),
      "format?": object({
        type: oneOf("json_schema"),
        schema: also(isRecordFault, "objects are not closed", isClosed),
      }),
    }),
    "tools?": list(
      object({
        name: toolName,
        "description?": someText,
        input_schema: also(isRecordFault, "its type must be object", ({ type }) => type === "object"),
        "strict?": flag,
        "cache_control?": cacheControl,
      }),
      1,
    ),
    "tool_choice?": tagged("type", {
      auto: object({ type: oneOf("auto"), ...parallel }),
      any: object({ type: oneOf("any"), ...parallel }),
      tool: object({ type: oneOf("tool"), name: toolName, ...parallel }),
      none: object({ type: oneOf("none") }),
    }),
    ...more,
  });
  const rules: readonly (readonly [string, (body: Record<string, unknown>) => boolean])[] = [
    ["calls and results do not fit", ({ messages }) => callsAreAnswered(messages)],
    ["roles do not alternate", ({ messages }) => turnsAlternate(messages)],
    ["tool_choice without tools", (body) => body["tools"] !== undefined || body["tool_choice"] === undefined],
    [
      "thinking before a call that is forced",
      ({ thinking, tool_choice: choice }) =>
        !isRecord(thinking) ||
        thinking["type"] === "disabled" ||
        !isRecord(choice) ||
        !["any", "tool"].includes(String(choice["type"])),
    ],
    ["names a tool that is none", ({ tools, tool_choice: choice }) => namesTool(tools, choice)],
    ["more than four marks for the cache", (body) => JSON.stringify(body).split('"cache_control"').length <= 5],
  ];
  return rules.reduce((schema, [says, holds]) => also(schema, says, holds), members);
}

function namesTool(tools: unknown, choice: unknown): boolean {
  if (!isRecord(choice) || choice["type"] !== "tool") return true;
  return Array.isArray(tools) && tools.some((tool) => isRecord(tool) && tool["name"] === choice["name"]);
}

function messages(version: string, more: Readonly<Record<string, Schema>>): RequestSchema {
  const path = /^\/v1\/messages$/;
  return { path, streamedPath: path, headers: { "anthropic-version": oneOf(version) }, body: bodyOf(more) };
}

export const anthropic: Provider = {
  models: { chat: "claude-opus-5-5" },
  requests: { chat: messages("2026-10-21", {}) },
};

/** The version that still knows how to sample. */
export const oldMessages = messages("2023-06-01", {
  "temperature?": number(0, 1),
  "top_p?": number(0, 1),
  "top_k?": integer(0),
});

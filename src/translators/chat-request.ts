/**
 * Reads the body of a chat completion in OpenAI's form into a checked form that belongs to no provider: what a translator
 * writes its own request from. Throws Untranslatable with the path of a member that cannot be read, or that the
 * translator's table refuses.
 */
import { type ChatTurn, readMessages, type TextPart } from "./chat-messages.ts";
import { type ChatTool, readToolChoice, readTools, type ToolChoice } from "./chat-tools.ts";
import {
  flagAt,
  isList,
  isObject,
  isPresent,
  itemsOf,
  member,
  numberAt,
  objectAt,
  pathOf,
  textAt,
  wholeObjectAt,
} from "./checked-json.ts";
import { type FieldRow, type JsonObject, type JsonValue, Untranslatable } from "./translator.ts";

/** `text` is what every provider answers with unless told otherwise: undefined stands for it. */
export type ResponseFormat =
  | { readonly kind: "json" }
  | {
      readonly kind: "schema";
      readonly name: string;
      readonly description: string;
      readonly schema: JsonObject;
      readonly strict: boolean | undefined;
      readonly at: string;
    };

export interface ChatRequest {
  /** All of the system's and the developer's messages, wherever they stand. */
  readonly system: readonly TextPart[];
  /** The rest: user and assistant take turns strictly, tools' results are parts of the user's. */
  readonly turns: readonly ChatTurn[];
  readonly tools: readonly ChatTool[];
  readonly toolChoice: ToolChoice | undefined;
  readonly parallelToolCalls: boolean | undefined;
  readonly responseFormat: ResponseFormat | undefined;
  /** `max_completion_tokens`, else `max_tokens`. */
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  /** No field of OpenAI's, but of all engines and most providers. */
  readonly topK: number | undefined;
  readonly frequencyPenalty: number | undefined;
  readonly presencePenalty: number | undefined;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  /** `n`: answers to this one request. */
  readonly choices: number;
  readonly logprobs: boolean;
  readonly topLogprobs: number | undefined;
  readonly reasoningEffort: ReasoningEffort | undefined;
  readonly serviceTier: string | undefined;
  /** `safety_identifier`, else `user`. */
  readonly endUser: string | undefined;
}

export const reasoningEfforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
export type ReasoningEffort = (typeof reasoningEfforts)[number];

/** `rows` is the translator's table: a field that it refuses is refused here where it is present. */
export function readChatRequest(body: JsonObject, rows: readonly FieldRow[]): ChatRequest {
  refuseFields(body, rows);
  const tools = readTools(body);
  return {
    ...readMessages(body["messages"]),
    tools,
    toolChoice: member(body, "tool_choice", "", (value, at) => readToolChoice(value, at, tools)),
    parallelToolCalls: member(body, "parallel_tool_calls", "", flagAt),
    responseFormat: member(body, "response_format", "", readResponseFormat),
    maxTokens: member(body, "max_completion_tokens", "", numberAt) ?? member(body, "max_tokens", "", numberAt),
    temperature: member(body, "temperature", "", numberAt),
    topP: member(body, "top_p", "", numberAt),
    topK: member(body, "top_k", "", numberAt),
    frequencyPenalty: member(body, "frequency_penalty", "", numberAt),
    presencePenalty: member(body, "presence_penalty", "", numberAt),
    seed: member(body, "seed", "", numberAt),
    stop: member(body, "stop", "", readStop) ?? [],
    choices: member(body, "n", "", numberAt) ?? 1,
    logprobs: member(body, "logprobs", "", flagAt) ?? false,
    topLogprobs: member(body, "top_logprobs", "", numberAt),
    reasoningEffort: member(body, "reasoning_effort", "", readEffort),
    serviceTier: member(body, "service_tier", "", textAt),
    endUser: member(body, "safety_identifier", "", textAt) ?? member(body, "user", "", textAt),
  };
}

/**
 * Refuses what the table says is refused: the body's own members, and the values below that have rows of their own. Rows
 * of a path ("messages[].audio") are for who reads that place. False and empty values ask for nothing.
 */
export function refuseFields(body: JsonObject, rows: readonly FieldRow[]): void {
  for (const { field, fate, as } of rows) {
    if (fate !== "refused") continue;
    const value = valued[field];
    if (value === undefined ? asksFor(body[field]) : value.holds(body[value.member])) {
      throw new Untranslatable(value === undefined ? field : (value.param ?? value.member), as);
    }
  }
}

function asksFor(value: JsonValue | undefined): boolean {
  if (!isPresent(value) || value === false) return false;
  const holdsNothing = isList(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
  return !holdsNothing;
}

interface ValueOfMember {
  readonly member: string;
  /** Default: the member. */
  readonly param?: string;
  holds(value: JsonValue | undefined): boolean;
}

/** Rows that are about a value of a member. */
const valued: Readonly<Record<string, ValueOfMember>> = {
  "n > 1": { member: "n", holds: (value) => typeof value === "number" && value > 1 },
  "modalities audio": { member: "modalities", holds: (value) => isList(value) && value.includes("audio") },
  "parallel_tool_calls false": { member: "parallel_tool_calls", holds: (value) => value === false },
  "reasoning_effort none": { member: "reasoning_effort", holds: (value) => value === "none" },
  "temperature > 1": { member: "temperature", holds: (value) => typeof value === "number" && value > 1 },
  "response_format json_object": {
    member: "response_format",
    param: "response_format.type",
    holds: (value) => isObject(value) && value["type"] === "json_object",
  },
  "response_format json_schema": {
    member: "response_format",
    param: "response_format.type",
    holds: (value) => isObject(value) && value["type"] === "json_schema",
  },
};

function readResponseFormat(value: JsonValue | undefined, at: string): ResponseFormat | undefined {
  const format = objectAt(value, at);
  switch (format["type"]) {
    case "text":
      return undefined;
    case "json_object":
      return { kind: "json" };
    case "json_schema": {
      const place = pathOf(at, "json_schema");
      const told = objectAt(format["json_schema"], place);
      return {
        kind: "schema",
        name: textAt(told["name"], pathOf(place, "name")),
        description: member(told, "description", place, textAt) ?? "",
        schema: member(told, "schema", place, wholeObjectAt) ?? {},
        strict: member(told, "strict", place, flagAt),
        at: pathOf(place, "schema"),
      };
    }
    default:
      throw new Untranslatable(pathOf(at, "type"), "must be text, json_object or json_schema");
  }
}

/** Nothing can be stopped at the empty text, which other providers refuse. */
function readStop(value: JsonValue | undefined, at: string): readonly string[] {
  const texts = typeof value === "string" ? [value] : itemsOf(value, at, textAt);
  return texts.filter((text) => text !== "");
}

function readEffort(value: JsonValue | undefined, at: string): ReasoningEffort {
  const known = reasoningEfforts.find((effort) => effort === value);
  if (known === undefined) throw new Untranslatable(at, `must be one of ${reasoningEfforts.join(", ")}`);
  return known;
}

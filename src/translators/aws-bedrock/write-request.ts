/**
 * Writes the body of Amazon Bedrock's Converse and ConverseStream from a chat completion.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
import type { ChatTurn } from "../chat-messages.ts";
import { type ChatRequest, type ReasoningEffort, readChatRequest } from "../chat-request.ts";
import { allowedTools, type ChatTool, type ToolChoice } from "../chat-tools.ts";
import { claudeSampling, knowsEffort, type Sampling } from "../claude-models.ts";
import { claudeSchema } from "../claude-schema.ts";
import { modelInPath } from "../model-in-path.ts";
import { type Asked, type JsonObject, type ProviderRequest, Untranslatable } from "../translator.ts";
import type { BedrockOptions } from "./options.ts";
import { requestFields } from "./tables.ts";
import { documentNames, messageOf, withCachePoint } from "./write-blocks.ts";

export function converseRequest(body: JsonObject, asked: Asked, options: BedrockOptions): ProviderRequest {
  const chat = readChatRequest(body, requestFields);
  refuseWhatHasNoWord(chat);
  const { model } = asked;
  const isClaude = options.claude || isAnthropics(model);
  // Effort goes without thinking here, which another member of each maker's would switch on.
  const sampling = isClaude ? claudeSampling(chat, model, options, false) : othersSampling(chat);
  return {
    path: modelPath(model, asked.streams ? "converse-stream" : "converse"),
    body: {
      ...messageMembers(chat),
      ...entry("inferenceConfig", inferenceConfig(chat, sampling)),
      ...entry("toolConfig", toolConfig(chat)),
      ...entry("outputConfig", outputConfig(chat, isClaude, options.effort && knowsEffort(model))),
      ...entry("serviceTier", serviceTier(chat)),
      ...entry("additionalModelRequestFields", fieldsOfModel(sampling)),
    },
  };
}

/** A model's id may be an ARN, which has slashes. The signature is of the path as it is written here. */
export function modelPath(model: string, operation: string): string {
  return `/model/${modelInPath(model)}/${operation}`;
}

function refuseWhatHasNoWord({ choices, responseFormat, parallelToolCalls }: ChatRequest): void {
  if (choices !== 1) throw new Untranslatable("n", "one request has one answer at Bedrock");
  if (responseFormat?.kind === "json") {
    throw new Untranslatable("response_format.type", "Bedrock has no JSON mode without a schema");
  }
  if (parallelToolCalls === false) {
    throw new Untranslatable("parallel_tool_calls", "Bedrock cannot be told to call one tool at a time");
  }
}

function messageMembers({ turns, system }: ChatRequest): JsonObject {
  const nameDocument = documentNames();
  const instructions = system.flatMap(({ text, cachePoint }) => withCachePoint({ text }, cachePoint));
  return {
    messages: turns.map((turn) => messageOf(turn, nameDocument)),
    ...(instructions.length > 0 && { system: instructions }),
  };
}

/** What only one maker's models know is left out. */
function othersSampling({ temperature, topP }: ChatRequest): Sampling {
  return {
    // OpenAI's goes up to 2.
    ...(temperature !== undefined && { temperature: Math.min(temperature, 1) }),
    ...(topP !== undefined && { topP }),
  };
}

function inferenceConfig({ maxTokens, stop }: ChatRequest, { temperature, topP }: Sampling): JsonObject {
  return {
    ...(maxTokens !== undefined && { maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(stop.length > 0 && { stopSequences: stop }),
  };
}

/** An object without members asks for nothing, and is left out. */
function entry(name: string, value: JsonObject): JsonObject {
  return Object.keys(value).length > 0 ? { [name]: value } : {};
}

function toolConfig(chat: ChatRequest): JsonObject {
  const { tools, toolChoice } = chat;
  const called = calledTools(chat);
  if (toolChoice?.kind === "none" && called.size > 0) {
    throw new Untranslatable("tool_choice", "Bedrock cannot be told to call no tool where the messages hold calls");
  }
  // Bedrock demands tools where the messages hold calls: what is called is all that is known of them here.
  if (tools.length === 0) return called.size === 0 ? {} : { tools: [...called].map(nameAlone) };
  if (toolChoice?.kind === "none") return {};
  return {
    tools: allowedTools(tools, toolChoice).flatMap((tool) => withCachePoint(toolSpec(tool), tool.cachePoint)),
    ...(toolChoice !== undefined && { toolChoice: choiceOf(toolChoice) }),
  };
}

function calledTools({ turns }: ChatRequest): ReadonlySet<string> {
  const parts = turns.flatMap((turn): readonly ChatTurn["parts"][number][] => turn.parts);
  return new Set(parts.flatMap((part) => (part.kind === "tool-call" ? [part.name] : [])));
}

function nameAlone(name: string): JsonObject {
  return { toolSpec: { name, inputSchema: { json: { type: "object" } } } };
}

function toolSpec({ name, description, parameters, strict }: ChatTool): JsonObject {
  const told = { ...(description !== "" && { description }), ...(strict !== undefined && { strict }) };
  // `type` is demanded, and OpenAI's clients leave it out where a tool has no parameters.
  return { toolSpec: { name, ...told, inputSchema: { json: { type: "object", ...parameters } } } };
}

function choiceOf(choice: ToolChoice): JsonObject {
  if (choice.kind === "tool") return { tool: { name: choice.name } };
  const isForced = choice.kind === "required" || (choice.kind === "allowed" && choice.mode === "required");
  return isForced ? { any: {} } : { auto: {} };
}

function outputConfig({ responseFormat, reasoningEffort }: ChatRequest, isClaude: boolean, hasEffort: boolean) {
  const effort = isClaude && hasEffort && reasoningEffort ? efforts[reasoningEffort] : "";
  return {
    ...(responseFormat?.kind === "schema" && {
      textFormat: { type: "json_schema", structure: { jsonSchema: jsonSchema(responseFormat, isClaude) } },
    }),
    ...(effort !== "" && { effort }),
  };
}

type SchemaFormat = Extract<ChatRequest["responseFormat"], { kind: "schema" }>;

function jsonSchema({ name, description, schema }: SchemaFormat, isClaude: boolean): JsonObject {
  const written = JSON.stringify(isClaude ? claudeSchema(schema) : schema);
  return { schema: written, name, ...(description !== "" && { description }) };
}

/** Without thinking, which is how Bedrock's models answer by themselves, there is none to tell, and high is the highest. */
const efforts: Readonly<Record<ReasoningEffort, string>> = {
  none: "",
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
  max: "high",
};

/** Of OpenAI's tiers these have a counterpart. */
function serviceTier({ serviceTier: tier = "" }: ChatRequest): JsonObject {
  return ["default", "flex", "priority"].includes(tier) ? { type: tier } : {};
}

/** What only one maker's models know goes past Converse's own members. */
function fieldsOfModel({ topK }: Sampling): JsonObject {
  return topK === undefined ? {} : { top_k: topK };
}

/** As ids of models and of inference profiles have it: `eu.anthropic.claude-…`. */
function isAnthropics(model: string): boolean {
  return /(^|[./])anthropic\./.test(model);
}

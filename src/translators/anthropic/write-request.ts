/** Writes the body of a Messages request. https://docs.claude.com/en/api/messages */
import { type ChatRequest, type ReasoningEffort, readChatRequest } from "../chat-request.ts";
import { allowedTools, type ChatTool } from "../chat-tools.ts";
import { claudeSampling, knowsEffort } from "../claude-models.ts";
import { claudeSchema } from "../claude-schema.ts";
import { type Asked, type JsonObject, type ProviderRequest, Untranslatable } from "../translator.ts";
import { type AnthropicOptions, SAMPLING_VERSION } from "./options.ts";
import { requestFields } from "./tables.ts";
import { cacheControl, messageOf, textBlock } from "./write-blocks.ts";

export function messagesRequest(body: JsonObject, asked: Asked, options: AnthropicOptions): ProviderRequest {
  const chat = readChatRequest(body, requestFields);
  const output = outputMembers(chat, options.effort && knowsEffort(asked.model));
  const thinks = "thinking" in output && chat.reasoningEffort !== "none";
  return {
    path: "/v1/messages",
    headers: { "anthropic-version": options.apiVersion },
    body: {
      model: asked.model,
      max_tokens: chat.maxTokens ?? options.maxTokens,
      messages: chat.turns.map(messageOf),
      ...(chat.system.length > 0 && { system: chat.system.map(textBlock) }),
      ...toolMembers(chat),
      ...output,
      ...samplingMembers(chat, asked.model, options, thinks),
      ...(chat.stop.length > 0 && { stop_sequences: stopSequences(chat.stop) }),
      ...(chat.endUser !== undefined && { metadata: { user_id: chat.endUser } }),
      ...serviceTier(chat),
      ...(asked.streams && { stream: true }),
    },
  };
}

/** Anthropic refuses a choice without tools. */
function toolMembers(chat: ChatRequest): JsonObject {
  const tools = allowedTools(chat.tools, chat.toolChoice);
  if (tools.length === 0) return {};
  const choice = toolChoice(chat);
  return { tools: tools.map(toolBody), ...(choice && { tool_choice: choice }) };
}

function toolBody({ name, description, parameters, strict, cachePoint }: ChatTool): JsonObject {
  return {
    name,
    ...(description !== "" && { description }),
    // `type` is demanded, and OpenAI's clients leave it out where a tool has no parameters.
    input_schema: { type: "object", ...parameters },
    ...(strict !== undefined && { strict }),
    ...cacheControl(cachePoint),
  };
}

function toolChoice({ toolChoice: choice, parallelToolCalls }: ChatRequest): JsonObject | undefined {
  const single = parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  switch (choice?.kind) {
    case "none":
      return { type: "none" };
    case "tool":
      return { type: "tool", name: choice.name, ...single };
    case "required":
      return { type: "any", ...single };
    case "allowed":
      return { type: choice.mode === "required" ? "any" : "auto", ...single };
    case "auto":
      return { type: "auto", ...single };
    case undefined:
      return parallelToolCalls === false ? { type: "auto", ...single } : undefined;
    default:
      return choice satisfies never;
  }
}

function outputMembers(chat: ChatRequest, hasEffort: boolean): JsonObject {
  const { responseFormat, reasoningEffort } = chat;
  // JSON without a schema is refused by the table.
  const format = responseFormat?.kind === "schema" && {
    format: { type: "json_schema", schema: claudeSchema(responseFormat.schema) },
  };
  if (!hasEffort || reasoningEffort === undefined) return format ? { output_config: format } : {};
  if (reasoningEffort === "none") return { ...(format && { output_config: format }), thinking: { type: "disabled" } };
  // A model that is made to call a tool must not think before.
  const { kind } = chat.toolChoice ?? { kind: "auto" };
  const isForced =
    kind === "required" ||
    kind === "tool" ||
    (chat.toolChoice?.kind === "allowed" && chat.toolChoice.mode === "required");
  return {
    output_config: { effort: effortOf(reasoningEffort, !isForced), ...format },
    ...(!isForced && { thinking: { type: "adaptive" } }),
  };
}

/** Without thinking high is the highest. */
function effortOf(asked: Exclude<ReasoningEffort, "none">, thinks: boolean): string {
  if (asked === "minimal") return "low";
  return !thinks && (asked === "xhigh" || asked === "max") ? "high" : asked;
}

function samplingMembers(chat: ChatRequest, model: string, options: AnthropicOptions, thinks: boolean): JsonObject {
  if (options.apiVersion !== SAMPLING_VERSION) return {};
  const { temperature, topP, topK } = claudeSampling(chat, model, options, thinks);
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(topK !== undefined && { top_k: topK }),
  };
}

function stopSequences(stop: readonly string[]): readonly string[] {
  if (stop.some((text) => text.trim() === "")) {
    throw new Untranslatable("stop", "Anthropic does not stop at nothing but space");
  }
  return stop;
}

/** Of OpenAI's tiers these two have a counterpart. */
function serviceTier({ serviceTier: tier }: ChatRequest): JsonObject {
  if (tier === "auto") return { service_tier: "auto" };
  return tier === "default" ? { service_tier: "standard_only" } : {};
}

/**
 * Writes the body of Gemini's generateContent and streamGenerateContent from a chat completion.
 * https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.publishers.models/generateContent
 */
import { type ChatRequest, type ReasoningEffort, readChatRequest } from "../chat-request.ts";
import { allowedTools, type ChatTool } from "../chat-tools.ts";
import { type Asked, type JsonObject, type ProviderRequest, Untranslatable } from "../translator.ts";
import { generationOf, modelPath, type VertexOptions } from "./options.ts";
import { requestFields } from "./tables.ts";
import { contentsOf } from "./write-parts.ts";

export function generateRequest(body: JsonObject, asked: Asked, options: VertexOptions): ProviderRequest {
  const chat = readChatRequest(body, requestFields);
  if (chat.parallelToolCalls === false) {
    throw new Untranslatable("parallel_tool_calls", "Gemini cannot be told to call one tool at a time");
  }
  if (asked.streams && chat.choices > 1) throw new Untranslatable("n", "Gemini's streams have one answer");
  const generation = generationOf(asked.model);
  const generationConfig = {
    ...samplingMembers(chat),
    ...formatMembers(chat),
    ...thinkingMembers(chat, generation),
  };
  return {
    path: modelPath(asked.model, asked.streams ? "streamGenerateContent?alt=sse" : "generateContent", options),
    body: {
      contents: contentsOf(chat.turns, asked.model.startsWith("gemini-") && !(generation < 3)),
      ...(chat.system.length > 0 && { systemInstruction: { parts: chat.system.map(({ text }) => ({ text })) } }),
      ...toolMembers(chat),
      ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
    },
  };
}

function samplingMembers(chat: ChatRequest): JsonObject {
  const { choices, seed } = chat;
  return present({
    candidateCount: choices === 1 ? undefined : choices,
    maxOutputTokens: chat.maxTokens,
    temperature: chat.temperature,
    topP: chat.topP,
    topK: chat.topK,
    frequencyPenalty: chat.frequencyPenalty,
    presencePenalty: chat.presencePenalty,
    // 32 bits there: a seed has to be the same for the same request, not this number.
    seed: seed === undefined ? undefined : seed | 0,
    stopSequences: chat.stop.length > 0 ? chat.stop : undefined,
  });
}

function present(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** A JSON schema goes as it is: Gemini reads it by these names, beside the kind of schema that is its own. */
function formatMembers({ responseFormat }: ChatRequest): JsonObject {
  if (responseFormat === undefined) return {};
  const schema = responseFormat.kind === "schema" ? { responseJsonSchema: responseFormat.schema } : {};
  return { responseMimeType: "application/json", ...schema };
}

/** Tokens to think with, as Google's own translation of OpenAI's API has them for models that count them. */
const budgets: Readonly<Record<ReasoningEffort, number>> = {
  none: 0,
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};

/** Later models think in levels, of which all of them know these, and cannot be told not to. */
const levels: Readonly<Record<ReasoningEffort, string>> = {
  none: "LOW",
  minimal: "LOW",
  low: "LOW",
  medium: "MEDIUM",
  high: "HIGH",
  xhigh: "HIGH",
  max: "HIGH",
};

function thinkingMembers({ reasoningEffort }: ChatRequest, generation: number): JsonObject {
  // Models before 2.5 do not think, and refuse to be told how.
  if (reasoningEffort === undefined || generation < 2.5) return {};
  if (generation < 3) return { thinkingConfig: { thinkingBudget: budgets[reasoningEffort] } };
  return { thinkingConfig: { thinkingLevel: levels[reasoningEffort] } };
}

function toolMembers(chat: ChatRequest): JsonObject {
  const tools = allowedTools(chat.tools, chat.toolChoice);
  if (tools.length === 0) return {};
  const functionCallingConfig = callingConfig(chat.toolChoice);
  return {
    tools: [{ functionDeclarations: tools.map(declaration) }],
    ...(functionCallingConfig && { toolConfig: { functionCallingConfig } }),
  };
}

function declaration({ name, description, parameters }: ChatTool): JsonObject {
  return {
    name,
    ...(description !== "" && { description }),
    // `type` is demanded, and OpenAI's clients leave it out where a tool has no parameters.
    parametersJsonSchema: { type: "object", ...parameters },
  };
}

function callingConfig(choice: ChatRequest["toolChoice"]): JsonObject | undefined {
  switch (choice?.kind) {
    case "auto":
      return { mode: "AUTO" };
    case "none":
      return { mode: "NONE" };
    case "required":
      return { mode: "ANY" };
    case "tool":
      return { mode: "ANY", allowedFunctionNames: [choice.name] };
    case "allowed":
      return { mode: choice.mode === "required" ? "ANY" : "AUTO" };
    case undefined:
      return undefined;
    default:
      return choice satisfies never;
  }
}

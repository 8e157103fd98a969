/** Reads Anthropic's answers, whole and in events. https://docs.claude.com/en/docs/build-with-claude/streaming */
import type { Usage } from "../../response/usage.ts";
import type { ChatPieces, FinishReason } from "../chat-answer.ts";
import type { ChatReader, StreamedPieces, StreamReading } from "../chat-translation.ts";
import { isList, isObject, parsedObject } from "../checked-json.ts";
import { answerError, toldError } from "../error-answer.ts";
import { EventReader, type ServerEvent } from "../event-reader.ts";
import type { JsonObject, JsonValue } from "../translator.ts";

export const anthropicReader: ChatReader<ServerEvent> = {
  isStream: (contentType) => /^text\/event-stream\b/i.test(contentType),
  splitter: () => new EventReader(),
  stream: (chat) => new MessageStream(chat),
  whole(answer, chat) {
    const content = answer["content"];
    if (!isList(content)) return false;
    chat.named(textOf(answer["id"]));
    for (const block of content) if (isObject(block)) tellBlock(block, chat);
    tellStop(answer, chat);
    chat.usage(usageOf(objectOf(answer["usage"])));
    return true;
  },
};

/** Blocks of tools that run at Anthropic tell nothing that OpenAI has a word for. */
function tellBlock(block: JsonObject, chat: ChatPieces): void {
  switch (block["type"]) {
    case "text":
      chat.text(textOf(block["text"]));
      break;
    case "thinking": {
      const thinking = textOf(block["thinking"]);
      chat.reasoning(thinking);
      tellSigned(thinking, textOf(block["signature"]), chat);
      break;
    }
    case "redacted_thinking":
      chat.thinkingBlock({ type: "redacted_thinking", data: textOf(block["data"]) });
      break;
    case "tool_use": {
      const call = chat.toolCall({ id: textOf(block["id"]), name: textOf(block["name"]) });
      chat.toolArguments(call, JSON.stringify(block["input"] ?? {}));
      break;
    }
  }
}

/** Without a signature Anthropic does not take it back. */
function tellSigned(thinking: string, signature: string, chat: ChatPieces): void {
  if (signature !== "") chat.thinkingBlock({ type: "thinking", thinking, signature });
}

const finishReasons: ReadonlyMap<string, FinishReason> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["pause_turn", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool_calls"],
  ["refusal", "content_filter"],
]);

/** Of a whole answer, or of the delta that ends a stream. */
function tellStop(from: JsonObject, chat: ChatPieces): void {
  const explanation = objectOf(from["stop_details"])["explanation"];
  if (typeof explanation === "string") chat.refusal(explanation);
  chat.finish(finishReasons.get(textOf(from["stop_reason"])) ?? "stop");
}

/** Anthropic's input leaves out what came from the cache or went into it. */
function usageOf(told: JsonObject): Usage {
  const [cached, written] = [countOf(told["cache_read_input_tokens"]), countOf(told["cache_creation_input_tokens"])];
  return {
    promptTokens: countOf(told["input_tokens"]) + (cached || 0) + (written || 0),
    cachedTokens: cached,
    cacheWrittenTokens: written,
    completionTokens: countOf(told["output_tokens"]),
    reasoningTokens: countOf(objectOf(told["output_tokens_details"])["thinking_tokens"]),
  };
}

interface OpenBlock {
  readonly type: string;
  /** The number of the call among all calls. */
  readonly call: number;
  thinking: string;
  signature: string;
}

class MessageStream implements StreamReading<ServerEvent> {
  readonly #chat: StreamedPieces;
  readonly #open = new Map<JsonValue | undefined, OpenBlock>();
  /** Counts are told at the beginning and again, as far as they have changed, at the end. */
  #usage: JsonObject = {};

  constructor(chat: StreamedPieces) {
    this.#chat = chat;
  }

  /** The kind of an event is in its data as well, and it may be a new one, which says nothing here. */
  event({ data }: ServerEvent): void {
    const event = parsedObject(data) ?? {};
    switch (event["type"]) {
      case "message_start":
        this.#start(objectOf(event["message"]));
        break;
      case "content_block_start":
        this.#startBlock(event["index"], objectOf(event["content_block"]));
        break;
      case "content_block_delta":
        this.#addToBlock(this.#open.get(event["index"]), objectOf(event["delta"]));
        break;
      case "content_block_stop":
        this.#endBlock(event["index"]);
        break;
      case "message_delta":
        tellStop(objectOf(event["delta"]), this.#chat);
        this.#tellUsage(objectOf(event["usage"]));
        break;
      case "message_stop":
        this.#chat.complete();
        break;
      case "error":
        this.#chat.fail(answerError(statusOf(event), toldError(event)));
        break;
    }
  }

  #start(message: JsonObject): void {
    this.#chat.named(textOf(message["id"]));
    this.#tellUsage(objectOf(message["usage"]));
  }

  #tellUsage(told: JsonObject): void {
    const known = Object.entries(told).filter(([, count]) => count !== null);
    this.#usage = { ...this.#usage, ...Object.fromEntries(known) };
    this.#chat.usage(usageOf(this.#usage));
  }

  #startBlock(index: JsonValue | undefined, block: JsonObject): void {
    const type = textOf(block["type"]);
    const isCall = type === "tool_use";
    const call = isCall ? this.#chat.toolCall({ id: textOf(block["id"]), name: textOf(block["name"]) }) : -1;
    const [thinking, signature] = [textOf(block["thinking"]), textOf(block["signature"])];
    this.#open.set(index, { type, call, thinking, signature });
    // The beginning of a block may hold its first words; a call's input is empty here.
    if (type === "text" || type === "redacted_thinking") tellBlock(block, this.#chat);
    this.#chat.reasoning(thinking);
  }

  #addToBlock(block: OpenBlock | undefined, delta: JsonObject): void {
    if (block === undefined) return;
    switch (delta["type"]) {
      case "text_delta":
        this.#chat.text(textOf(delta["text"]));
        break;
      case "input_json_delta":
        if (block.call >= 0) this.#chat.toolArguments(block.call, textOf(delta["partial_json"]));
        break;
      case "thinking_delta":
        block.thinking += textOf(delta["thinking"]);
        this.#chat.reasoning(textOf(delta["thinking"]));
        break;
      case "signature_delta":
        block.signature += textOf(delta["signature"]);
        break;
    }
  }

  #endBlock(index: JsonValue | undefined): void {
    const block = this.#open.get(index);
    this.#open.delete(index);
    if (block?.type === "thinking") tellSigned(block.thinking, block.signature, this.#chat);
  }
}

/** The status that an error within a stream would have had before it. */
const statuses: ReadonlyMap<string, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["timeout_error", 504],
  ["overloaded_error", 529],
]);

function statusOf(event: JsonObject): number {
  return statuses.get(textOf(objectOf(event["error"])["type"])) ?? 500;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function countOf(value: JsonValue | undefined): number {
  return typeof value === "number" ? value : Number.NaN;
}

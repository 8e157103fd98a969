/**
 * Reads Gemini's answers: a whole one and each event of a stream have the same form, in a stream with the next parts.
 * https://cloud.google.com/vertex-ai/docs/reference/rest/v1/GenerateContentResponse
 */
import { createHash, randomUUID } from "node:crypto";
import type { Usage } from "../../response/usage.ts";
import type { ChatPieces, FinishReason } from "../chat-answer.ts";
import type { ChatReader, StreamedPieces, StreamReading } from "../chat-translation.ts";
import { isList, isObject, parsedObject } from "../checked-json.ts";
import { answerError, toldError, unreadable } from "../error-answer.ts";
import { EventReader, type ServerEvent } from "../event-reader.ts";
import type { JsonObject, JsonValue } from "../translator.ts";

type Value = JsonValue | undefined;

export const geminiReader: ChatReader<ServerEvent> = {
  isStream: (contentType) => /^text\/event-stream\b/i.test(contentType),
  splitter: () => new EventReader(),
  stream: (chat) => new GeminiStream(chat),
  whole(answer, chat) {
    if (!isAnswer(answer)) return false;
    const reading = new GeminiReading(chat);
    reading.read(answer);
    return true;
  },
};

/** Without candidates it has to say that the prompt was blocked. */
function isAnswer(answer: JsonObject): boolean {
  return isList(answer["candidates"]) || isObject(answer["promptFeedback"]);
}

class GeminiStream implements StreamReading<ServerEvent> {
  readonly #chat: StreamedPieces;
  readonly #reading: GeminiReading;

  constructor(chat: StreamedPieces) {
    this.#chat = chat;
    this.#reading = new GeminiReading(chat);
  }

  event({ data }: ServerEvent): void {
    const answer = parsedObject(data);
    if (answer === undefined) this.#chat.fail(unreadable);
    else if (isObject(answer["error"])) this.#chat.fail(answerError(statusOf(answer["error"]), toldError(answer)));
    else this.#reading.read(answer);
  }

  /** No event says that it is the last. */
  atEnd(): void {
    if (this.#reading.isFinished) this.#chat.complete();
  }
}

/** What is remembered from event to event. */
class GeminiReading {
  readonly #chat: ChatPieces;
  #answerId = "";
  /** Calls so far in each candidate that has begun. */
  readonly #calls = new Map<number, number>();
  readonly #finished = new Set<number>();

  constructor(chat: ChatPieces) {
    this.#chat = chat;
  }

  /** Has every candidate that began come to its end? */
  get isFinished(): boolean {
    return this.#finished.size > 0 && [...this.#calls.keys()].every((candidate) => this.#finished.has(candidate));
  }

  read(answer: JsonObject): void {
    if (this.#answerId === "" && textOf(answer["responseId"]) !== "") {
      this.#answerId = textOf(answer["responseId"]);
      this.#chat.named(this.#answerId);
    }
    const { candidates, promptFeedback, usageMetadata } = answer;
    if (isList(candidates)) for (const candidate of candidates) if (isObject(candidate)) this.#candidate(candidate);
    const isBlocked = isObject(promptFeedback) && textOf(promptFeedback["blockReason"]) !== "";
    if (isBlocked) this.#blocked(textOf(promptFeedback["blockReasonMessage"]));
    if (isObject(usageMetadata)) this.#chat.usage(usageOf(usageMetadata));
  }

  #candidate(candidate: JsonObject): void {
    const index = typeof candidate["index"] === "number" ? candidate["index"] : 0;
    this.#calls.set(index, this.#calls.get(index) ?? 0);
    const content = isObject(candidate["content"]) ? candidate["content"]["parts"] : undefined;
    if (isList(content)) for (const part of content) if (isObject(part)) this.#part(part, index);
    const reason = textOf(candidate["finishReason"]);
    if (reason === "" || this.#finished.has(index)) return;
    this.#finished.add(index);
    this.#chat.finish(finishOf(reason, this.#calls.get(index) ?? 0), index);
  }

  #part(part: JsonObject, candidate: number): void {
    const { text, functionCall, thought } = part;
    if (typeof text === "string") {
      if (thought === true) this.#chat.reasoning(text, candidate);
      else this.#chat.text(text, candidate);
    }
    if (isObject(functionCall)) this.#call(functionCall, textOf(part["thoughtSignature"]), candidate);
  }

  /** A call comes whole. */
  #call(call: JsonObject, signature: string, candidate: number): void {
    const before = this.#calls.get(candidate) ?? 0;
    this.#calls.set(candidate, before + 1);
    const id = textOf(call["id"]) || this.#callId(candidate, before);
    const index = this.#chat.toolCall({ id, name: textOf(call["name"]), signature }, candidate);
    this.#chat.toolArguments(index, JSON.stringify(call["args"] ?? {}), candidate);
  }

  /** Gemini gives its calls no ids, or only new versions do; no two calls of a conversation may have the same. */
  #callId(candidate: number, before: number): string {
    this.#answerId ||= randomUUID();
    const hash = createHash("sha256").update(`${this.#answerId} ${candidate} ${before}`);
    return `call_${hash.digest("hex").slice(0, 24)}`;
  }

  /** A prompt that is not answered has one answer all the same. */
  #blocked(message: string): void {
    this.#calls.set(0, 0);
    this.#finished.add(0);
    this.#chat.refusal(message);
    this.#chat.finish("content_filter");
  }
}

/** Whatever else stopped the model, it did not say what it had to say. */
function finishOf(reason: string, calls: number): FinishReason {
  if (reason === "STOP") return calls > 0 ? "tool_calls" : "stop";
  return reason === "MAX_TOKENS" ? "length" : "content_filter";
}

/** Counts of zero are left out there. Thoughts are not counted as part of the answer, nor the results of tools as prompt. */
function usageOf(usage: JsonObject): Usage {
  const reasoningTokens = countOf(usage["thoughtsTokenCount"]);
  return {
    promptTokens: countOf(usage["promptTokenCount"]) + countOf(usage["toolUsePromptTokenCount"]),
    cachedTokens: countOf(usage["cachedContentTokenCount"]),
    cacheWrittenTokens: Number.NaN,
    completionTokens: countOf(usage["candidatesTokenCount"]) + reasoningTokens,
    reasoningTokens,
  };
}

/** Google's errors hold their status as a number. */
function statusOf({ code }: JsonObject): number {
  return typeof code === "number" ? code : 500;
}

function textOf(value: Value): string {
  return typeof value === "string" ? value : "";
}

function countOf(value: Value): number {
  return typeof value === "number" ? value : 0;
}

/**
 * Reads the answers of Converse: whole ones, and the events of ConverseStream, which come as frames.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
 */
import type { Usage } from "../../response/usage.ts";
import type { ChatPieces, FinishReason } from "../chat-answer.ts";
import type { ChatReader, StreamedPieces, StreamReading } from "../chat-translation.ts";
import { isList, isObject, parsedObject } from "../checked-json.ts";
import { answerError, toldError, unreadable } from "../error-answer.ts";
import type { JsonObject, JsonValue } from "../translator.ts";
import { type FrameMessage, FrameReader } from "./frame-reader.ts";

type Value = JsonValue | undefined;

export const converseReader: ChatReader<FrameMessage> = {
  isStream: (contentType) => /^application\/vnd\.amazon\.eventstream\b/i.test(contentType),
  splitter: () => new FrameReader(),
  stream: (chat) => new ConverseStream(chat),
  whole: readWhole,
};

function readWhole(answer: JsonObject, chat: ChatPieces): boolean {
  const output = answer["output"];
  const message = isObject(output) ? output["message"] : undefined;
  const content = isObject(message) ? message["content"] : undefined;
  if (!isList(content)) return false;
  for (const block of content) if (isObject(block)) readBlock(block, chat);
  chat.finish(finishOf(answer["stopReason"]));
  const usage = usageOf(answer["usage"]);
  if (usage !== undefined) chat.usage(usage);
  return true;
}

function readBlock(block: JsonObject, chat: ChatPieces): void {
  const { text, toolUse, reasoningContent, citationsContent } = block;
  if (typeof text === "string") chat.text(text);
  if (isObject(toolUse)) {
    const index = chat.toolCall(callOf(toolUse));
    chat.toolArguments(index, JSON.stringify(toolUse["input"] ?? {}));
  }
  if (isObject(reasoningContent)) readReasoning(reasoningContent, chat);
  const cited = isObject(citationsContent) ? citationsContent["content"] : undefined;
  if (isList(cited)) for (const part of cited) if (isObject(part)) chat.text(textOf(part["text"]));
}

function readReasoning({ reasoningText, redactedContent }: JsonObject, chat: ChatPieces): void {
  const [text, signature] = isObject(reasoningText)
    ? [textOf(reasoningText["text"]), textOf(reasoningText["signature"])]
    : ["", ""];
  chat.reasoning(text);
  endReasoning({ text, signature, redacted: textOf(redactedContent) }, chat);
}

/** Only what the provider can prove as its own is of use in the next request. */
function endReasoning({ text, signature, redacted }: Reasoning, chat: ChatPieces): void {
  if (signature !== "") chat.thinkingBlock({ type: "thinking", thinking: text, signature });
  if (redacted !== "") chat.thinkingBlock({ type: "redacted_thinking", data: redacted });
}

interface Reasoning {
  text: string;
  signature: string;
  redacted: string;
}

/** What is remembered of a block until it ends. */
interface OpenBlock {
  readonly reasoning: Reasoning;
  /** Its number among the calls; -1 where it is none. */
  readonly call: number;
  hasInput: boolean;
}

class ConverseStream implements StreamReading<FrameMessage> {
  readonly #chat: StreamedPieces;
  readonly #blocks = new Map<Value, OpenBlock>();

  constructor(chat: StreamedPieces) {
    this.#chat = chat;
  }

  event({ headers, payload }: FrameMessage): void {
    const body = parsedObject(payload.toString());
    const kind = headers.get(":message-type");
    if (kind === "exception") this.#chat.fail(exceptionOf(headers.get(":exception-type") ?? "", body));
    else if (kind === "error") this.#chat.fail(errorOf(headers));
    else if (body === undefined) this.#chat.fail(unreadable);
    else this.#read(headers.get(":event-type") ?? "", body);
  }

  #read(event: string, body: JsonObject): void {
    const place = body["contentBlockIndex"];
    if (event === "contentBlockStart") this.#begin(place, body["start"]);
    else if (event === "contentBlockDelta") this.#add(this.#blockAt(place), body["delta"]);
    else if (event === "contentBlockStop") this.#end(place);
    else if (event === "messageStop") this.#chat.finish(finishOf(body["stopReason"]));
    else if (event === "metadata") {
      const usage = usageOf(body["usage"]);
      if (usage !== undefined) this.#chat.usage(usage);
      this.#chat.complete();
    }
  }

  #begin(place: Value, start: Value): void {
    const toolUse = isObject(start) ? start["toolUse"] : undefined;
    if (isObject(toolUse)) this.#open(place, this.#chat.toolCall(callOf(toolUse)));
  }

  /** Blocks of text and of reasoning begin with their first delta. */
  #blockAt(place: Value): OpenBlock {
    return this.#blocks.get(place) ?? this.#open(place, -1);
  }

  #open(place: Value, call: number): OpenBlock {
    const block = { reasoning: { text: "", signature: "", redacted: "" }, call, hasInput: false };
    this.#blocks.set(place, block);
    return block;
  }

  #add(block: OpenBlock, delta: Value): void {
    if (!isObject(delta)) return;
    const { text, toolUse, reasoningContent } = delta;
    if (typeof text === "string") this.#chat.text(text);
    const input = isObject(toolUse) ? textOf(toolUse["input"]) : "";
    if (input !== "" && block.call !== -1) {
      block.hasInput = true;
      this.#chat.toolArguments(block.call, input);
    }
    if (!isObject(reasoningContent)) return;
    const thought = textOf(reasoningContent["text"]);
    this.#chat.reasoning(thought);
    block.reasoning.text += thought;
    block.reasoning.signature += textOf(reasoningContent["signature"]);
    block.reasoning.redacted = joinedBase64(block.reasoning.redacted, textOf(reasoningContent["redactedContent"]));
  }

  #end(place: Value): void {
    const block = this.#blocks.get(place);
    if (block === undefined) return;
    endReasoning(block.reasoning, this.#chat);
    // A call without arguments has no delta, yet clients parse them as JSON.
    if (block.call !== -1 && !block.hasInput) this.#chat.toolArguments(block.call, "{}");
  }
}

function callOf({ toolUseId, name }: JsonObject): { id: string; name: string } {
  return { id: textOf(toolUseId), name: textOf(name) };
}

/** Whatever else stopped the model, it did not say what it had to say. */
function finishOf(reason: Value): FinishReason {
  switch (reason) {
    case "end_turn":
    case "stop_sequence":
      return "stop";
    case "tool_use":
      return "tool_calls";
    case "max_tokens":
    case "model_context_window_exceeded":
      return "length";
    default:
      return "content_filter";
  }
}

/** `inputTokens` are those that had nothing to do with the cache. Thoughts are counted with the rest of the output. */
function usageOf(usage: Value): Usage | undefined {
  if (!isObject(usage)) return undefined;
  const cachedTokens = countOf(usage["cacheReadInputTokens"]);
  const cacheWrittenTokens = countOf(usage["cacheWriteInputTokens"]);
  return {
    promptTokens: countOf(usage["inputTokens"]) + (cachedTokens || 0) + (cacheWrittenTokens || 0),
    cachedTokens,
    cacheWrittenTokens,
    completionTokens: countOf(usage["outputTokens"]),
    reasoningTokens: Number.NaN,
  };
}

/** The statuses that Bedrock has for these where they come as an answer. */
const exceptionStatuses: Readonly<Record<string, number>> = {
  validationException: 400,
  accessDeniedException: 403,
  resourceNotFoundException: 404,
  throttlingException: 429,
  serviceQuotaExceededException: 429,
  serviceUnavailableException: 503,
};

/** The model's own failures (and what is not known) are the server's. */
function exceptionOf(name: string, body: JsonObject | undefined) {
  const told = { message: toldError(body)?.message ?? "", code: name.charAt(0).toUpperCase() + name.slice(1) };
  return answerError(Object.hasOwn(exceptionStatuses, name) ? (exceptionStatuses[name] ?? 500) : 500, told);
}

/** What went wrong outside of Bedrock's own model of exceptions. */
function errorOf(headers: ReadonlyMap<string, string>) {
  return answerError(500, { message: headers.get(":error-message") ?? "", code: headers.get(":error-code") ?? "" });
}

/** Each piece may end in padding. */
function joinedBase64(before: string, piece: string): string {
  if (before === "" || piece === "") return before + piece;
  return Buffer.concat([Buffer.from(before, "base64"), Buffer.from(piece, "base64")]).toString("base64");
}

function textOf(value: Value): string {
  return typeof value === "string" ? value : "";
}

function countOf(value: Value): number {
  return typeof value === "number" ? value : Number.NaN;
}

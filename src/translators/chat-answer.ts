/**
 * The pieces that a chat completion consists of, whatever provider they come from. A translator's reader names them in the
 * order in which they come, the same for a whole answer (whole-chat.ts makes one document of them) and for a stream
 * (chat-stream.ts makes chunks).
 */

import type { Usage } from "../response/usage.ts";
import type { AnswerError } from "./error-answer.ts";
import type { JsonObject } from "./translator.ts";

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter";

/** `choice` is the answer's number where the client asked for several: 0 where it is not given. */
export interface ChatPieces {
  /** What the provider calls the answer; told before any other piece, if at all. */
  named(id: string): void;
  text(delta: string, choice?: number): void;
  /** The model declines, in these words. */
  refusal(delta: string, choice?: number): void;
  /** What the model thinks: `reasoning_content`. */
  reasoning(delta: string, choice?: number): void;
  /** The same once more, whole and with its signature: what the client has to send back with its next request. */
  thinkingBlock(block: ThinkingBlock, choice?: number): void;
  /** Begins a call; returns its number among the choice's calls. */
  toolCall(call: BegunCall, choice?: number): number;
  /** The next part of a call's arguments, as JSON text. */
  toolArguments(index: number, delta: string, choice?: number): void;
  finish(reason: FinishReason, choice?: number): void;
  /** What is known by now: the latest word counts. */
  usage(usage: Usage): void;
  /** The provider says that it failed. In a stream nothing counts that comes behind it. */
  fail(error: AnswerError): void;
}

/** As they stand in `thinking_blocks`: Anthropic's shape, which chat-messages.ts reads back. */
export type ThinkingBlock =
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "redacted_thinking"; readonly data: string };

export interface BegunCall {
  readonly id: string;
  readonly name: string;
  /** What Google's models want back with the call. */
  readonly signature?: string;
}

/** What every answer and chunk begins with. */
export interface AnswerIdentity {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

/** The `usage` of OpenAI's answers; undefined where nothing is known. Counts that are unknown are left out. */
export function usageBody(usage: Usage | undefined): JsonObject | undefined {
  if (usage === undefined || (Number.isNaN(usage.promptTokens) && Number.isNaN(usage.completionTokens)))
    return undefined;
  const prompt = known({ cached_tokens: usage.cachedTokens, cache_write_tokens: usage.cacheWrittenTokens });
  const completion = known({ reasoning_tokens: usage.reasoningTokens });
  const [promptTokens, completionTokens] = [zeroIfUnknown(usage.promptTokens), zeroIfUnknown(usage.completionTokens)];
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(prompt && { prompt_tokens_details: prompt }),
    ...(completion && { completion_tokens_details: completion }),
  };
}

function known(counts: Readonly<Record<string, number>>): JsonObject | undefined {
  const entries = Object.entries(counts).filter(([, count]) => !Number.isNaN(count));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function zeroIfUnknown(count: number): number {
  return Number.isNaN(count) ? 0 : count;
}

/** A call as both messages and chunks have it; `args` is JSON text. */
export function toolCallBody({ id, name, signature = "" }: BegunCall, args: string): JsonObject {
  const extra = signature === "" ? {} : { extra_content: { google: { thought_signature: signature } } };
  return { id, type: "function", function: { name, arguments: args }, ...extra };
}

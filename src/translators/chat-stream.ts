/** Makes chunks of the pieces of a chat completion as they come: the answer to a request that streams. */

import type { Usage } from "../response/usage.ts";
import {
  type AnswerIdentity,
  type BegunCall,
  type ChatPieces,
  type FinishReason,
  type ThinkingBlock,
  toolCallBody,
  usageBody,
} from "./chat-answer.ts";
import { type AnswerError, errorEvent } from "./error-answer.ts";
import type { JsonObject } from "./translator.ts";

interface BegunChoice {
  /** Have they had arguments, by their number? */
  readonly calls: boolean[];
  readonly thinking: ThinkingBlock[];
}

export class ChatStream implements ChatPieces {
  #identity: AnswerIdentity;
  readonly #wantsUsage: boolean;
  /** Events that have not been taken. */
  #written = "";
  /** The choices that have had a piece. */
  readonly #choices = new Map<number, BegunChoice>();
  #usage: Usage | undefined;
  #isOver = false;

  constructor(identity: AnswerIdentity, wantsUsage: boolean) {
    this.#identity = identity;
    this.#wantsUsage = wantsUsage;
  }

  named(id: string): void {
    this.#identity = { ...this.#identity, id };
  }

  text(delta: string, choice = 0): void {
    if (delta !== "") this.#delta({ content: delta }, choice);
  }

  refusal(delta: string, choice = 0): void {
    if (delta !== "") this.#delta({ refusal: delta }, choice);
  }

  reasoning(delta: string, choice = 0): void {
    if (delta !== "") this.#delta({ reasoning_content: delta }, choice);
  }

  /** Held until the end: libraries that add chunks up know how to join texts, but no lists that they have not heard of. */
  thinkingBlock(block: ThinkingBlock, choice = 0): void {
    this.#begin(choice).thinking.push(block);
  }

  toolCall(call: BegunCall, choice = 0): number {
    const { calls } = this.#begin(choice);
    const index = calls.push(false) - 1;
    this.#delta({ tool_calls: [{ index, ...toolCallBody(call, "") }] }, choice);
    return index;
  }

  toolArguments(index: number, delta: string, choice = 0): void {
    if (delta === "") return;
    const { calls } = this.#begin(choice);
    if (index < calls.length) calls[index] = true;
    this.#delta({ tool_calls: [{ index, function: { arguments: delta } }] }, choice);
  }

  finish(reason: FinishReason, choice = 0): void {
    const { calls, thinking } = this.#begin(choice);
    if (thinking.length > 0) this.#delta({ thinking_blocks: thinking }, choice);
    // Clients read a call's arguments as JSON, which nothing is not.
    for (const [index, hasArguments] of calls.entries()) if (!hasArguments) this.toolArguments(index, "{}", choice);
    this.#chunk([{ index: choice, delta: {}, logprobs: null, finish_reason: reason }]);
  }

  usage(usage: Usage): void {
    this.#usage = usage;
  }

  fail(error: AnswerError): void {
    if (!this.#isOver) this.#written += errorEvent(error);
    this.#isOver = true;
  }

  /** The provider has said all: the usage for who asked for it, and the mark that the answer is whole. */
  complete(): void {
    if (this.#isOver) return;
    const usage = usageBody(this.#usage);
    if (this.#wantsUsage && usage !== undefined) this.#chunk([], usage);
    this.#written += "data: [DONE]\n\n";
    this.#isOver = true;
  }

  /** Has it been completed, or failed? */
  get isOver(): boolean {
    return this.#isOver;
  }

  get toldUsage(): Usage | undefined {
    return this.#usage;
  }

  /** What was written since the last time. */
  take(): Buffer {
    const written = Buffer.from(this.#written);
    this.#written = "";
    return written;
  }

  /** Each choice opens with its role. */
  #begin(choice: number): BegunChoice {
    const begun = this.#choices.get(choice);
    if (begun !== undefined) return begun;
    const opened = { calls: [], thinking: [] };
    this.#choices.set(choice, opened);
    const delta = { role: "assistant", content: "", refusal: null };
    this.#chunk([{ index: choice, delta, logprobs: null, finish_reason: null }]);
    return opened;
  }

  #delta(delta: JsonObject, choice: number): void {
    this.#begin(choice);
    this.#chunk([{ index: choice, delta, logprobs: null, finish_reason: null }]);
  }

  #chunk(choices: readonly JsonObject[], usage: JsonObject | null = null): void {
    if (this.#isOver) return;
    const { id, created, model } = this.#identity;
    const body = { id, object: "chat.completion.chunk", created, model, choices, ...(this.#wantsUsage && { usage }) };
    this.#written += `data: ${JSON.stringify(body)}\n\n`;
  }
}

/** Makes one document of the pieces of a chat completion: the answer to a request that does not stream. */

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
import { type AnswerError, errorBody } from "./error-answer.ts";
import type { JsonObject } from "./translator.ts";

interface Choice {
  text: string;
  refusal: string;
  reasoning: string;
  readonly thinking: ThinkingBlock[];
  readonly calls: { readonly call: BegunCall; args: string }[];
  finish: FinishReason;
}

export class WholeChat implements ChatPieces {
  #identity: AnswerIdentity;
  readonly #choices: Choice[] = [];
  #usage: Usage | undefined;
  #error: AnswerError | undefined;

  constructor(identity: AnswerIdentity) {
    this.#identity = identity;
  }

  named(id: string): void {
    this.#identity = { ...this.#identity, id };
  }

  text(delta: string, choice = 0): void {
    this.#at(choice).text += delta;
  }

  refusal(delta: string, choice = 0): void {
    this.#at(choice).refusal += delta;
  }

  reasoning(delta: string, choice = 0): void {
    this.#at(choice).reasoning += delta;
  }

  thinkingBlock(block: ThinkingBlock, choice = 0): void {
    this.#at(choice).thinking.push(block);
  }

  toolCall(call: BegunCall, choice = 0): number {
    return this.#at(choice).calls.push({ call, args: "" }) - 1;
  }

  toolArguments(index: number, delta: string, choice = 0): void {
    const call = this.#at(choice).calls[index];
    if (call !== undefined) call.args += delta;
  }

  finish(reason: FinishReason, choice = 0): void {
    this.#at(choice).finish = reason;
  }

  usage(usage: Usage): void {
    this.#usage = usage;
  }

  fail(error: AnswerError): void {
    this.#error = error;
  }

  get toldUsage(): Usage | undefined {
    return this.#usage;
  }

  body(): JsonObject {
    if (this.#error !== undefined) return errorBody(this.#error);
    const usage = usageBody(this.#usage);
    const { id, created, model } = this.#identity;
    return {
      id,
      object: "chat.completion",
      created,
      model,
      choices: this.#choices.map((choice, index) => choiceBody(choice, index)),
      ...(usage && { usage }),
    };
  }

  #at(index: number): Choice {
    while (this.#choices.length <= index) {
      this.#choices.push({ text: "", refusal: "", reasoning: "", thinking: [], calls: [], finish: "stop" });
    }
    // There is one by now.
    return this.#choices[index] as Choice;
  }
}

/** Where the model only calls tools there is no content: null, not "". */
function choiceBody({ text, refusal, reasoning, thinking, calls, finish }: Choice, index: number): JsonObject {
  const message = {
    role: "assistant",
    content: text === "" && (calls.length > 0 || refusal !== "") ? null : text,
    refusal: refusal === "" ? null : refusal,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(thinking.length > 0 && { thinking_blocks: thinking }),
    ...(calls.length > 0 && { tool_calls: calls.map(({ call, args }) => toolCallBody(call, args || "{}")) }),
  };
  return { index, message, logprobs: null, finish_reason: finish };
}

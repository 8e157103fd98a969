/**
 * OpenAI's answers of a chat as a client takes them in: checked as strictly as the documents have them, with what we add,
 * and a stream's chunks added up to the message that they make.
 * https://platform.openai.com/docs/api-reference/chat
 */
import {
  also,
  anything,
  either,
  faultsOf,
  integer,
  list,
  nothing,
  number,
  object,
  oneOf,
  type Schema,
  someText,
  tagged,
  text,
} from "./strict-schema.ts";

const signed = object({ google: object({ thought_signature: someText }) });
const thinkingBlocks = list(
  tagged("type", {
    thinking: object({ type: oneOf("thinking"), thinking: text(), signature: text() }),
    redacted_thinking: object({ type: oneOf("redacted_thinking"), data: someText }),
  }),
  1,
);

const isJson: Schema = (value, at) => {
  try {
    const read: unknown = JSON.parse(String(value));
    return typeof read === "object" && read !== null ? [] : [`${at}: is no object`];
  } catch {
    return [`${at}: is no JSON`];
  }
};

const count = integer(0);
const usage = also(
  object({
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    "prompt_tokens_details?": object({ "cached_tokens?": count, "cache_write_tokens?": count }),
    "completion_tokens_details?": object({ "reasoning_tokens?": count }),
  }),
  "the total is not the sum",
  (told) => told["total_tokens"] === Number(told["prompt_tokens"]) + Number(told["completion_tokens"]),
);

const finishReason = oneOf("stop", "length", "tool_calls", "content_filter");
const call = object({
  id: someText,
  type: oneOf("function"),
  function: object({ name: someText, arguments: isJson }),
  "extra_content?": signed,
});

const message = object({
  role: oneOf("assistant"),
  content: either(text(), nothing),
  refusal: either(someText, nothing),
  "reasoning_content?": someText,
  "thinking_blocks?": thinkingBlocks,
  "tool_calls?": list(call, 1),
});

/** Some providers have probabilities. */
const logprobs = either(nothing, object({ content: list(anything), refusal: nothing }));
const head = { id: someText, created: integer(1), model: someText };

export const completion = object({
  ...head,
  object: oneOf("chat.completion"),
  choices: list(object({ index: count, message, logprobs, finish_reason: finishReason }), 1),
  "usage?": usage,
});

const delta = object({
  "role?": oneOf("assistant"),
  "content?": text(),
  "refusal?": either(someText, nothing),
  "reasoning_content?": someText,
  "thinking_blocks?": thinkingBlocks,
  "tool_calls?": list(
    object({
      index: count,
      "id?": someText,
      "type?": oneOf("function"),
      function: object({ "name?": someText, arguments: text() }),
      "extra_content?": signed,
    }),
    1,
    1,
  ),
});

function chunk(wantsUsage: boolean): Schema {
  return object({
    ...head,
    object: oneOf("chat.completion.chunk"),
    choices: list(object({ index: count, delta, logprobs, finish_reason: either(finishReason, nothing) }), 0, 1),
    ...(wantsUsage && { usage: either(usage, nothing) }),
  });
}

export const errorBody = object({
  error: object({ message: someText, type: someText, param: nothing, code: either(someText, nothing) }),
});

export const embeddings = object({
  object: oneOf("list"),
  data: list(
    object({
      object: oneOf("embedding"),
      index: count,
      embedding: either(list(number(), 1), text(/^[A-Za-z0-9+/]+={0,2}$/)),
    }),
    1,
  ),
  model: someText,
  usage: object({ prompt_tokens: count, total_tokens: count }),
});

interface AddedCall {
  id: string;
  type: string;
  function: { name: string; arguments: string };
  extra_content?: unknown;
}

/** The first choice, as far as it has come. */
export interface Added {
  readonly id: string;
  readonly message: Record<string, unknown>;
  readonly finish: string | undefined;
  readonly usage: unknown;
  readonly error: unknown;
  readonly isDone: boolean;
  readonly faults: readonly string[];
}

interface Delta {
  readonly content?: string;
  readonly refusal?: string | null;
  readonly reasoning_content?: string;
  readonly thinking_blocks?: readonly unknown[];
  readonly tool_calls?: readonly (Partial<Omit<AddedCall, "function">> & {
    readonly index: number;
    readonly function: { readonly name?: string; readonly arguments: string };
  })[];
}

/** Reads a stream strictly: exactly `data: ...` and an empty line for each event. */
export function addedUp(stream: string, wantsUsage: boolean): Added {
  const events = stream === "" ? [] : stream.replace(/\n\n$/, "").split("\n\n");
  const faults: string[] = stream === "" || stream.endsWith("\n\n") ? [] : ["the last event has no end"];
  const calls: AddedCall[] = [];
  const sums = { content: "", refusal: "", reasoning_content: "" };
  const thinking: unknown[] = [];
  let [id, finish, usageTold, error, isDone, opened] = [
    "",
    undefined as string | undefined,
    undefined as unknown,
    undefined as unknown,
    false,
    false,
  ];
  for (const [index, event] of events.entries()) {
    const data = /^data: (.*)$/.exec(event)?.[1] ?? "";
    if (isDone || error !== undefined) faults.push(`event ${index}: stands behind the end`);
    if (data === "[DONE]") {
      isDone = true;
      continue;
    }
    const body = JSON.parse(data);
    if ("error" in body) {
      faults.push(...faultsOf(errorBody, body, `event ${index}`));
      error = body.error;
      continue;
    }
    faults.push(...faultsOf(chunk(wantsUsage), body, `event ${index}`));
    id = body.id;
    if (body.usage) usageTold = body.usage;
    const [choice] = body.choices;
    if (choice === undefined) continue;
    if (finish !== undefined) faults.push(`event ${index}: stands behind the finish`);
    if (!opened && choice.delta.role !== "assistant") faults.push(`event ${index}: does not open with the role`);
    opened = true;
    finish = choice.finish_reason ?? finish;
    addDelta(choice.delta, sums, calls, thinking);
  }
  return { id, message: messageOf(sums, calls, thinking, opened), finish, usage: usageTold, error, isDone, faults };
}

function addDelta(piece: Delta, sums: Record<string, string>, calls: AddedCall[], thinking: unknown[]): void {
  for (const name of ["content", "refusal", "reasoning_content"] as const) {
    sums[name] = `${sums[name] ?? ""}${piece[name] ?? ""}`;
  }
  thinking.push(...(piece.thinking_blocks ?? []));
  for (const { index, id, type, extra_content: extra, function: told } of piece.tool_calls ?? []) {
    calls[index] ??= { id: id ?? "", type: type ?? "", function: { name: told.name ?? "", arguments: "" } };
    const added = calls[index];
    if (extra !== undefined) added.extra_content = extra;
    added.function.arguments += told.arguments;
  }
}

function messageOf(
  sums: Readonly<Record<string, string>>,
  calls: readonly AddedCall[],
  thinking: readonly unknown[],
  opened: boolean,
) {
  const { content, refusal, reasoning_content: reasoning } = sums;
  return {
    ...(opened && { role: "assistant", content }),
    ...(refusal !== "" && { refusal }),
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(thinking.length > 0 && { thinking_blocks: thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

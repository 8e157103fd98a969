/** The JSON of the answers of /v1/chat/completions and /v1/completions, whole and in stream chunks. */
import type { FinishReason } from "./sequence.ts";

/** Which answer this is: the fields that every chunk of it repeats. */
export interface AnswerHead {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

/** One of the answers to a request, as far as it is generated. */
export interface Choice {
  readonly index: number;
  readonly text: string;
  readonly finishReason: FinishReason | null;
  /** Null unless the client asked for ids. */
  readonly tokenIds: readonly number[] | null;
  readonly promptTokenIds: readonly number[] | null;
}

export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  /** Prompt tokens in blocks that are new to the cache. */
  readonly createdTokens: number;
}

/** Names the server's build in every answer, and in a stream on its last chunk. */
const fingerprint = { system_fingerprint: "fake-pod" };
const transfers = { kv_transfer_params: null, ec_transfer_params: null, metrics: null };

function countsOf(usage: TokenUsage): object {
  return {
    prompt_tokens: usage.promptTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    completion_tokens: usage.completionTokens,
  };
}

/** `created` is null where a server does not tell: completions. */
function wholeUsage(usage: TokenUsage, created: number | null): object {
  return {
    ...countsOf(usage),
    prompt_tokens_details: {
      cached_tokens: usage.cachedTokens,
      created_cache_tokens: created,
      multimodal_tokens: null,
    },
    completion_tokens_details: null,
  };
}

/** Prompt ids stand beside the choices, as all have the same prompt. */
export function chatAnswer(head: AnswerHead, choices: readonly Choice[], usage: TokenUsage): object {
  return {
    ...{ id: head.id, object: "chat.completion", created: head.created, model: head.model },
    choices: choices.map((choice) => ({
      index: choice.index,
      message: {
        role: "assistant",
        content: choice.text,
        refusal: null,
        annotations: null,
        audio: null,
        function_call: null,
        reasoning: null,
      },
      logprobs: null,
      finish_reason: choice.finishReason,
      stop_reason: null,
      token_ids: choice.tokenIds,
      routed_experts: null,
    })),
    service_tier: null,
    ...fingerprint,
    usage: wholeUsage(usage, usage.createdTokens),
    prompt_logprobs: null,
    prompt_token_ids: choices[0]?.promptTokenIds ?? null,
    prompt_text: null,
    ...transfers,
  };
}

/** Prompt ids stand in each choice, as there may be several prompts. */
export function completionAnswer(head: AnswerHead, choices: readonly Choice[], usage: TokenUsage): object {
  return {
    ...{ id: head.id, object: "text_completion", created: head.created, model: head.model },
    choices: choices.map((choice) => ({
      index: choice.index,
      text: choice.text,
      logprobs: null,
      finish_reason: choice.finishReason,
      stop_reason: null,
      token_ids: choice.tokenIds,
      prompt_logprobs: null,
      prompt_token_ids: choice.promptTokenIds,
      routed_experts: null,
    })),
    service_tier: null,
    ...fingerprint,
    usage: wholeUsage(usage, null),
    ...transfers,
  };
}

/** What rides on a chunk beside its choice: running counts when asked for, the fingerprint on the last. */
export interface ChunkExtras {
  readonly usage: TokenUsage | null;
  readonly last: boolean;
}

function extrasOf({ usage, last }: ChunkExtras): object {
  return {
    ...(usage === null ? {} : { usage: { ...countsOf(usage), completion_tokens_details: null } }),
    ...(last ? fingerprint : {}),
  };
}

function chunkHead(head: AnswerHead, object: string): object {
  return { id: head.id, object, created: head.created, model: head.model };
}

/** Opens a chat stream; sent with the first token. */
export function chatRoleChunk(head: AnswerHead, choice: Choice, extras: ChunkExtras): object {
  const delta = { role: "assistant", content: "" };
  return {
    ...chunkHead(head, "chat.completion.chunk"),
    choices: [{ index: choice.index, delta, logprobs: null, finish_reason: null }],
    ...extrasOf(extras),
    prompt_token_ids: choice.promptTokenIds,
    prompt_text: null,
  };
}

/** `stop_reason` appears on the last chunk of a choice only. */
export function chatChunk(head: AnswerHead, choice: Choice, extras: ChunkExtras): object {
  const { index, finishReason } = choice;
  const ended = finishReason === null ? {} : { stop_reason: null };
  const delta = { content: choice.text };
  return {
    ...chunkHead(head, "chat.completion.chunk"),
    choices: [{ index, delta, logprobs: null, finish_reason: finishReason, ...ended, token_ids: choice.tokenIds }],
    ...extrasOf(extras),
  };
}

/** A completions stream has no opening chunk: the first token is the first event. */
export function completionChunk(head: AnswerHead, choice: Choice, extras: ChunkExtras): object {
  return {
    ...chunkHead(head, "text_completion"),
    choices: [
      {
        index: choice.index,
        text: choice.text,
        logprobs: null,
        finish_reason: choice.finishReason,
        stop_reason: null,
        prompt_token_ids: choice.promptTokenIds,
        token_ids: choice.tokenIds,
      },
    ],
    ...extrasOf(extras),
  };
}

/** The chunk without choices that ends a stream when the client wants usage. */
export function usageChunk(head: AnswerHead, usage: TokenUsage, chat: boolean): object {
  const cached = { cached_tokens: usage.cachedTokens };
  const details = chat ? { ...cached, created_cache_tokens: usage.createdTokens } : cached;
  return {
    ...chunkHead(head, chat ? "chat.completion.chunk" : "text_completion"),
    choices: [],
    usage: { ...countsOf(usage), prompt_tokens_details: details },
    ...fingerprint,
  };
}

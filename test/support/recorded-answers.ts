/** Answers recorded from a real vLLM, or written after the APIs' documents, with the usage that each of them tells. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Usage, unknownUsage } from "../../src/response/usage.ts";

const folder = join(import.meta.dirname, "../fixtures/vllm");
const JSON_TYPE = "application/json";
const EVENTS_TYPE = "text/event-stream; charset=utf-8";

export interface KnownAnswer {
  readonly name: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly usage: Usage;
}

export const usageOf = (
  promptTokens: number,
  cachedTokens: number,
  completionTokens: number,
  others: Partial<Usage> = {},
): Usage => ({ ...unknownUsage, promptTokens, cachedTokens, completionTokens, ...others });

export const noUsage = usageOf(Number.NaN, Number.NaN, Number.NaN);

/** By hand from the recordings. */
const recordedUsage: Readonly<Record<string, Usage>> = {
  "chat-content-parts": usageOf(912, 0, 8),
  "chat-repeat-cached": usageOf(920, 896, 8),
  "chat-stream-continuous-usage": usageOf(920, 896, 8),
  "chat-stream-usage": usageOf(920, 896, 8),
  chat: usageOf(920, 0, 8),
  "completion-cache-salt": usageOf(908, 0, 2),
  "completion-lora-repeat": usageOf(908, 896, 4),
  "completion-lora": usageOf(908, 0, 4),
  "completion-model-omitted": usageOf(2, 0, 1),
  "completion-multi-prompt": usageOf(910, 0, 4),
  "completion-repeat-cached": usageOf(908, 896, 8),
  "completion-stream": usageOf(908, 896, 4),
  "completion-token-ids-prompt": usageOf(80, 0, 2),
  completion: usageOf(908, 0, 8),
  "messages-stream": usageOf(6, 0, 4, { cacheWrittenTokens: 0 }),
  messages: usageOf(6, 0, 8, { cacheWrittenTokens: 0 }),
  "responses-stream": usageOf(6, 0, 4, { reasoningTokens: 0 }),
  responses: usageOf(6, 0, 8, { reasoningTokens: 0 }),
};

/** Every recorded exchange, those without usage (errors, lists, pages) among them. */
export const recordedAnswers: readonly KnownAnswer[] = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => {
    const name = file.slice(0, -".json".length);
    const { headers, body } = JSON.parse(readFileSync(join(folder, file), "utf8"));
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const contentType = headers?.["content-type"] ?? JSON_TYPE;
    return { name, contentType, body: Buffer.from(text), usage: recordedUsage[name] ?? noUsage };
  });

const events = (...payloads: readonly object[]) =>
  `${payloads.map((payload) => `data: ${JSON.stringify(payload)}\n\n`).join("")}data: [DONE]\n\n`;
const json = (name: string, body: unknown, usage: Usage): KnownAnswer => ({
  name,
  contentType: JSON_TYPE,
  body: Buffer.from(JSON.stringify(body)),
  usage,
});
const stream = (name: string, text: string, usage: Usage): KnownAnswer => ({
  name,
  contentType: EVENTS_TYPE,
  body: Buffer.from(text),
  usage,
});

const sglang = (index: number | undefined, counts: readonly [prompt: number, completion: number, cached: number]) => ({
  text: '{"usage":{"prompt_tokens":1}}',
  ...(index !== undefined && { index }),
  meta_info: {
    id: "a",
    finish_reason: { type: "length", length: 4 },
    prompt_tokens: counts[0],
    completion_tokens: counts[1],
    cached_tokens: counts[2],
    e2e_latency: 0.25,
  },
});

/** What no recording shows. */
export const documentedAnswers: readonly KnownAnswer[] = [
  json("chat without details of the prompt", { usage: { prompt_tokens: 9, completion_tokens: 3 } }, usageOf(9, NaN, 3)),
  json(
    "chat whose cached tokens are not told",
    { usage: { prompt_tokens: 9, completion_tokens: 3, prompt_tokens_details: null } },
    usageOf(9, NaN, 3),
  ),
  json(
    "chat of a model that reasons, with a cache that is paid for",
    {
      usage: {
        prompt_tokens: 90,
        completion_tokens: 30,
        prompt_tokens_details: { cached_tokens: 16, cache_creation_tokens: 48 },
        completion_tokens_details: { reasoning_tokens: 20 },
      },
    },
    usageOf(90, 16, 30, { cacheWrittenTokens: 48, reasoningTokens: 20 }),
  ),
  json(
    "chat that several choices share",
    {
      choices: [0, 1].map((index) => ({ index, message: { content: "x" }, token_ids: null })),
      usage: { prompt_tokens: 9, completion_tokens: 6 },
    },
    usageOf(9, NaN, 6),
  ),
  json("embeddings", { data: [{ embedding: [0.5, -1] }], usage: { prompt_tokens: 9 } }, usageOf(9, NaN, NaN)),
  json("a ranking of one total", { results: [{ index: 3 }], usage: { total_tokens: 56 } }, usageOf(56, NaN, NaN)),
  json("a total beside its completion", { usage: { total_tokens: 56, completion_tokens: 6 } }, usageOf(50, NaN, 6)),
  json(
    "messages whose prompt was cached",
    {
      usage: {
        input_tokens: 29,
        output_tokens: 8,
        cache_creation_input_tokens: 16,
        cache_read_input_tokens: 560,
      },
    },
    usageOf(605, 560, 8, { cacheWrittenTokens: 16 }),
  ),
  stream(
    "messages in a stream, the cache told at its start only",
    [
      'event: message_start\r\ndata: {"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1,"cache_read_input_tokens":64}}}\r\n\r\n',
      'event: ping\r\ndata: {"type":"ping"}\r\n\r\n',
      'event: message_delta\r\ndata: {"type":"message_delta","usage":{"output_tokens":15}}\r\n\r\n',
    ].join(""),
    usageOf(69, 64, 15),
  ),
  stream(
    "responses in a stream that nobody saw completed",
    events(
      { type: "response.created", response: { usage: null } },
      { type: "response.incomplete", response: { usage: { input_tokens: 7, output_tokens: 2 } } },
    ),
    usageOf(7, NaN, 2),
  ),
  json("SGLang's generate", sglang(undefined, [12, 4, 8]), usageOf(12, 8, 4)),
  json(
    "SGLang's generate of a batch",
    [sglang(undefined, [12, 4, 8]), sglang(undefined, [5, 1, 0])],
    usageOf(17, 8, 5),
  ),
  stream(
    "SGLang's generate in a stream, its counts growing",
    events(sglang(undefined, [12, 1, 8]), sglang(undefined, [12, 2, 8])),
    usageOf(12, 8, 2),
  ),
  stream(
    "SGLang's generate of a batch in a stream",
    events(sglang(0, [12, 1, 8]), sglang(1, [5, 1, 0]), sglang(0, [12, 2, 8])),
    usageOf(17, 8, 3),
  ),
  json(
    "vLLM's generate, which tells nothing but the tokens",
    { request_id: "a", choices: [{ index: 0, token_ids: [11, 2, 37] }], prompt_logprobs: null },
    usageOf(NaN, NaN, 3),
  ),
  stream(
    "vLLM's generate in a stream",
    events(
      { choices: [{ index: 0, token_ids: [11] }] },
      { choices: [{ index: 0, token_ids: [2, 37] }] },
      { choices: [], usage: { prompt_tokens: 40, completion_tokens: 3 } },
    ),
    usageOf(40, NaN, 3),
  ),
];

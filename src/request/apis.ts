/**
 * What is read of each API's body, as data: the parser is built from it, and so is the table in the documents.
 *
 * `model` and `stream` have these names everywhere. A dot leads into an object. Of several names for one thing the
 * first that holds a value counts; the parts of a prompt are all read, in the order in which chat templates print them.
 * What the engine adds to a prompt from what it keeps itself (a stored conversation) counts by its id.
 *
 * As a session counts what stays the same from turn to turn. `previous_response_id` is no session: it names one answer
 * and changes with every turn, so it only tells prompts apart.
 */
import type { Api, JsonApi } from "./inference-request.ts";

/** How a value is read as a part of the prompt. */
export const promptForms = {
  whole: "any value, as it stands but for the space between its tokens",
  prompts: "a string, token ids, or an array of either: the first stands for all, the others count as load",
  texts: "as `prompts`, also objects",
  system: "a string or an array of blocks; a client's billing header, a block of its own, does not count",
  messages:
    "an array of messages: role, name, content, tool calls and their results, reasoning; text, images, audio and files",
  items: "a string, or an array of messages and other items, with all of their members",
} as const;

export type PromptForm = keyof typeof promptForms;

export interface PromptPart {
  readonly at: string;
  readonly as: PromptForm;
}

export interface ApiSpec {
  readonly summary: string;
  /** The ends of its paths; whatever stands before them. */
  readonly paths: readonly string[];
  /** Is a request without a model refused? Elsewhere it goes to any pod, as engines serve it. */
  readonly needsModel: boolean;
  /** Does serving the request leave its prompt in the pod's KV cache? Where not, its bytes count and load decides. */
  readonly keepsPrompt: boolean;
  /** Caps on generated tokens. */
  readonly caps: readonly string[];
  readonly prompt: readonly PromptPart[];
  readonly session: readonly string[];
  /** Strings that part caches from each other; all of them count. */
  readonly salts: readonly string[];
  readonly adapter: readonly string[];
}

const plain = {
  needsModel: false,
  keepsPrompt: true,
  caps: [],
  prompt: [],
  session: [],
  salts: ["cache_salt", "extra_key"],
  adapter: [],
} as const;

function part(at: string, as: PromptForm): PromptPart {
  return { at, as };
}

const chatPrompt = [
  part("chat_template", "whole"),
  part("chat_template_kwargs", "whole"),
  part("mm_processor_kwargs", "whole"),
  part("reasoning_effort", "whole"),
  part("tools", "whole"),
  part("functions", "whole"),
  part("documents", "whole"),
  part("messages", "messages"),
];
const anthropicPrompt = [part("tools", "whole"), part("system", "system"), part("messages", "messages")];
const pooledPrompt = [part("input", "prompts"), part("messages", "messages")];

export const apis: Readonly<Record<JsonApi, ApiSpec>> = {
  chat: {
    ...plain,
    summary: "OpenAI chat completions",
    paths: ["/chat/completions"],
    needsModel: true,
    caps: ["max_completion_tokens", "max_tokens"],
    prompt: chatPrompt,
    session: ["prompt_cache_key", "user"],
    adapter: ["lora_path"],
  },
  completions: {
    ...plain,
    summary: "OpenAI completions",
    paths: ["/completions"],
    needsModel: true,
    caps: ["max_tokens"],
    prompt: [part("prompt", "prompts")],
    session: ["prompt_cache_key", "user"],
    adapter: ["lora_path"],
  },
  render: {
    ...plain,
    summary: "vLLM: the tokens of a chat or a prompt, without serving it",
    paths: ["/chat/completions/render", "/completions/render"],
    keepsPrompt: false,
    caps: ["max_completion_tokens", "max_tokens"],
    prompt: [part("prompt", "prompts"), ...chatPrompt],
  },
  responses: {
    ...plain,
    summary: "OpenAI responses",
    paths: ["/responses"],
    caps: ["max_output_tokens"],
    prompt: [
      part("previous_response_id", "whole"),
      part("conversation", "whole"),
      part("prompt", "whole"),
      part("reasoning.effort", "whole"),
      part("tools", "whole"),
      part("instructions", "whole"),
      part("input", "items"),
    ],
    session: ["prompt_cache_key", "conversation", "conversation.id", "user"],
  },
  messages: {
    ...plain,
    summary: "Anthropic messages",
    paths: ["/messages"],
    caps: ["max_tokens"],
    prompt: anthropicPrompt,
    session: ["metadata.user_id"],
  },
  "count-tokens": {
    ...plain,
    summary: "Anthropic: how many tokens messages have",
    paths: ["/messages/count_tokens"],
    keepsPrompt: false,
    prompt: anthropicPrompt,
  },
  conversations: {
    ...plain,
    summary: "OpenAI: stores a conversation for later responses",
    paths: ["/conversations"],
    keepsPrompt: false,
    prompt: [part("items", "items")],
  },
  embeddings: { ...plain, summary: "OpenAI embeddings", paths: ["/embeddings"], prompt: pooledPrompt },
  classify: { ...plain, summary: "vLLM: classes of texts", paths: ["/classify"], prompt: pooledPrompt },
  pooling: { ...plain, summary: "vLLM: any pooling model", paths: ["/pooling"], prompt: pooledPrompt },
  rerank: {
    ...plain,
    summary: "Documents by how well they answer a query (v1, v2)",
    paths: ["/rerank"],
    prompt: [part("query", "texts"), part("documents", "texts")],
  },
  score: {
    ...plain,
    summary: "vLLM: how alike two texts are",
    paths: ["/score"],
    prompt: [
      part("text_1", "texts"),
      part("queries", "texts"),
      part("data_1", "texts"),
      part("text_2", "texts"),
      part("documents", "texts"),
      part("data_2", "texts"),
    ],
  },
  tokenize: {
    ...plain,
    summary: "The tokens of a prompt or a chat",
    paths: ["/tokenize"],
    keepsPrompt: false,
    prompt: [part("prompt", "prompts"), ...chatPrompt],
  },
  detokenize: {
    ...plain,
    summary: "The text of tokens",
    paths: ["/detokenize"],
    keepsPrompt: false,
    prompt: [part("tokens", "prompts")],
  },
  "token-generate": {
    ...plain,
    summary: "vLLM: tokens in, tokens out",
    paths: ["/inference/v1/generate"],
    caps: ["sampling_params.max_tokens"],
    // Images stand in the tokens as equal fillers, so their hashes come first: another image is another prefix.
    prompt: [part("features.mm_hashes", "whole"), part("token_ids", "prompts")],
  },
  generate: {
    ...plain,
    summary: "SGLang's own generate, and that of TGI",
    paths: ["/generate"],
    caps: ["sampling_params.max_new_tokens", "parameters.max_new_tokens"],
    prompt: [
      part("image_data", "whole"),
      part("video_data", "whole"),
      part("audio_data", "whole"),
      part("text", "prompts"),
      part("input_ids", "prompts"),
      part("inputs", "prompts"),
    ],
    session: ["session_params.id"],
    adapter: ["lora_path"],
  },
  images: {
    ...plain,
    summary: "OpenAI: images of a text",
    paths: ["/images/generations"],
    keepsPrompt: false,
    session: ["user"],
  },
  speech: { ...plain, summary: "OpenAI: a text spoken", paths: ["/audio/speech"], keepsPrompt: false },
};

/** Every name a part of a prompt has, once: its place here tells it from others of equal bytes. */
export const partNames: readonly string[] = [
  ...new Set(Object.values(apis).flatMap(({ prompt }) => prompt.map(({ at }) => at))),
];

/** The longest first, so that the first that fits decides. */
const suffixes = Object.entries(apis)
  .flatMap(([api, { paths }]) => paths.map((path) => ({ api: api as JsonApi, path })))
  .sort((a, b) => b.path.length - a.path.length);

/** The longest suffix decides, so that prefixes such as /team/model/v1/chat/completions are normal; the query is not read. */
export function apiOfPath(path: string): Api {
  const query = path.indexOf("?");
  const end = query === -1 ? path.length : query;
  for (const suffix of suffixes) {
    if (path.endsWith(suffix.path, end)) return suffix.api;
  }
  return "none";
}

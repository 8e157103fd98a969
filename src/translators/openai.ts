/** OpenAI's own API, and every server that speaks it, such as vLLM: nothing changes but the model's name. */
import type { Api } from "../request/inference-request.ts";
import { type ApiPassage, defineTranslator } from "./translator.ts";

/** The path stays as it is where the backend has no prefix of its own: servers of this API stand behind all kinds of them. */
const asItCame: ApiPassage = { path: ({ path }) => path };

/** Servers of this API may have Anthropic's beside it, and say nothing without the version of that. */
const anthropics: ApiPassage = { ...asItCame, keeps: ["anthropic-version"] };

/** A path that is none of these stays here: a backend's key is not for whatever else its provider may offer. */
const served: readonly Api[] = [
  "chat",
  "completions",
  "render",
  "responses",
  "conversations",
  "embeddings",
  "classify",
  "pooling",
  "rerank",
  "score",
  "tokenize",
  "detokenize",
  "token-generate",
  "generate",
  "images",
  "speech",
  "transcriptions",
  "translations",
  "image-edits",
  "image-variations",
];

export default defineTranslator({
  name: "openai",
  help: "OpenAI, and servers that speak its API, such as vLLM",
  options: {},
  headerNames: [],
  translated: {},
  passed: {
    ...Object.fromEntries(served.map((api) => [api, asItCame])),
    messages: anthropics,
    "count-tokens": anthropics,
  },
});

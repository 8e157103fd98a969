/** What can be set of the Bedrock translator. */
import type { Options } from "../../scorer.ts";
import { samplingOptions } from "../claude-models.ts";

export const bedrockOptions = {
  effort: {
    default: true,
    help: "Does reasoning_effort go on to Anthropic's models, as effort? Those before Claude 4.6 refuse it: to what has such a name it does not go",
  },
  claude: {
    default: false,
    help: "Are the models Anthropic's where their ids do not say so, as those of ARNs? Effort and top_k go to these alone, and sampling as they take it",
  },
  ...samplingOptions,
  embeddings: {
    default: "",
    pattern: /^(titan|cohere)?$/,
    expects: "titan or cohere",
    help: "whose embeddings the models make where their ids do not say so, as those of ARNs",
  },
  inputType: {
    default: "search_document",
    pattern: /^(search_document|search_query|classification|clustering)$/,
    expects: "search_document, search_query, classification or clustering",
    help: "what Cohere's embeddings are for, which OpenAI's clients cannot say",
  },
} as const;

export type BedrockOptions = Options<typeof bedrockOptions>;

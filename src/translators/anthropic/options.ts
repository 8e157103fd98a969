/** What can be set of the Anthropic translator. */
import type { Options } from "../../scorer.ts";
import { samplingOptions } from "../claude-models.ts";

/** The last version that knows temperature, top_p and top_k. */
export const SAMPLING_VERSION = "2023-06-01";

export const anthropicOptions = {
  apiVersion: {
    default: "2026-10-21",
    pattern: /^\d{4}-\d\d-\d\d$/,
    expects: "a date such as 2026-10-21",
    help: `anthropic-version of translated requests; temperature, top_p and top_k are sent with ${SAMPLING_VERSION} alone, as later ones refuse them`,
  },
  maxTokens: {
    default: 8192,
    min: 1,
    integer: true,
    help: "max_tokens of requests that set no limit, which Anthropic demands",
  },
  effort: {
    default: true,
    help: "Does reasoning_effort go on, as effort and adaptive thinking? Models before Claude 4.6 refuse these: to what has such a name it does not go",
  },
  ...samplingOptions,
} as const;

export type AnthropicOptions = Options<typeof anthropicOptions>;

/** What Anthropic's models take of a chat, by their names: the same at Anthropic itself and at clouds that have them. */

import type { Options } from "../scorer.ts";
import type { ChatRequest } from "./chat-request.ts";

/** 407 of claude-opus-4-7, 305 of eu.anthropic.claude-3-5-sonnet-20241022-v2:0; NaN where the name does not say. */
export function claudeVersion(model: string): number {
  // A date, or what follows the name at a cloud, has more digits than a version, or a letter before it.
  const digits = /claude-(?:[a-z]+-)?v?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?(?!\d)/.exec(model);
  return digits === null ? Number.NaN : Number(digits[1]) * 100 + Number(digits[2] ?? 0);
}

/** The first that thinks by itself as much as effort says. */
const EFFORT_FROM = 406;
/** From here on temperature and top_p exclude each other. */
const ONE_FROM = 401;
/** From here on there is nothing to set. */
const NONE_FROM = 407;

/** Names that tell no version, as those of ARNs, are taken for those of models of today. */
export function knowsEffort(model: string): boolean {
  return !(claudeVersion(model) < EFFORT_FROM);
}

export const samplingOptions = {
  sampling: {
    default: "by-name",
    pattern: /^(by-name|both|one|none)$/,
    expects: "by-name, both, one or none",
    help: "of temperature and top_p, what goes on to Claude: both, the first that is there, or none, and no top_k; by-name: both before Claude 4.1, none from 4.7 on, else one",
  },
} as const;

export type SamplingOptions = Options<typeof samplingOptions>;
export interface Sampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
}

/** While it thinks Claude takes no other temperature than its own, and little of the rest. */
const LEAST_TOP_P = 0.95;

/** What of a chat's sampling the model takes. */
export function claudeSampling(
  { temperature, topP, topK }: ChatRequest,
  model: string,
  { sampling }: SamplingOptions,
  thinks: boolean,
): Sampling {
  const rule = sampling === "by-name" ? ruleOf(model) : sampling;
  if (rule === "none") return {};
  if (thinks) return topP !== undefined && topP >= LEAST_TOP_P ? { topP } : {};
  const hasTopP = topP !== undefined && (rule === "both" || temperature === undefined);
  return {
    // OpenAI's goes up to 2.
    ...(temperature !== undefined && { temperature: Math.min(temperature, 1) }),
    ...(hasTopP && { topP }),
    ...(topK !== undefined && { topK }),
  };
}

function ruleOf(model: string): "both" | "one" | "none" {
  const version = claudeVersion(model);
  if (version >= NONE_FROM) return "none";
  return version < ONE_FROM ? "both" : "one";
}

/** The options of `serve` about what a picker and its data plane tell each other beside the pick. */
import { flag } from "./option-kinds.ts";
import { option } from "./option-table.ts";

export const protocolOptions = {
  ignoresSubset: option(
    "disable-endpoint-subset-filter",
    flag,
    false,
    "Pick from all pods of the pool, whatever subset of them the data plane allows.",
    "listen.ignoreSubset",
    "live",
  ),
  ignoresRewriteHeader: option(
    "ignore-rewrite-header",
    flag,
    false,
    "Let no header choose another model than the body's: x-llm-d-model-name-rewrite is removed and not heeded.",
    "listen.ignoreRewriteHeader",
    "live",
  ),
  emitsScores: option(
    "emit-endpoint-scores",
    flag,
    false,
    "Tell the data plane what every candidate scored: x-gateway-destination-endpoint-scores in the metadata.",
    "listen.emitScores",
    "live",
  ),
  marksAnswers: option(
    "mark-answers",
    flag,
    false,
    "Add x-went-into-resp-headers: true to answers that the picker is shown, as the Go picker always does.",
    "listen.markAnswers",
    "live",
  ),
} as const;

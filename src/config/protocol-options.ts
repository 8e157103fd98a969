/** The options of `serve` about what a picker and its data plane tell each other beside the pick. */
import { choice, flag, headerName, integer } from "./option-kinds.ts";
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
  modelHeader: option(
    "model-header",
    headerName,
    "",
    "Header that tells Envoy's routes the model of a request, such as x-ai-eg-model; picks set it where one is named, and the router phase always.",
    "listen.modelHeader",
    "live",
  ),
  payerHeader: option(
    "payer-header",
    headerName,
    "",
    "Header of requests that names who pays, such as x-user: what their answers have cost is carried by the payer's next request, as metadata in pointsman.due under the costs' keys.",
    "listen.payerHeader",
    "live",
  ),
  payerMost: option(
    "payer-most",
    integer(0),
    0,
    "The most of each cost that one request carries of what is due, so that it is never more than a limiter has; the next ones carry the rest; 0 for all.",
    "listen.payerMost",
    "live",
  ),
  unknownBackend: option(
    "unknown-backend",
    choice("continue", "refuse"),
    "continue",
    "What becomes of an attempt that names no backend of the config file, or whose filter hides what is to be changed.",
    "listen.unknownBackend",
    "live",
  ),
} as const;

/**
 * Refusals as AIBrix says them: its statuses, texts, types and headers, for clients and dashboards made for it. A code
 * that has no counterpart there is said in our words, with AIBrix's type.
 */
import { type ErrorCode, type ErrorCodeSpec, errorCodes } from "../errors.ts";
import type { Refusal } from "../routing/choose-pool.ts";

export interface AibrixError {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  /** null where AIBrix gives none. */
  readonly code: string | null;
  /** By name; what AIBrix tells by headers alone. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const UNAVAILABLE = "service_unavailable";
const BODY_HEADER = "x-error-request-body-processing";
const BACKENDS_HEADER = "x-error-no-model-backends";
const ROUTING_HEADER = "x-error-routing";

const bodyFaults: readonly ErrorCode[] = ["malformed_json", "model_missing", "model_too_long"];
/** The model has pods, and the request may go to none of them. */
const noneFits: readonly ErrorCode[] = ["filter_empty", "no_pod_left", "subset_empty"];

export function aibrixError(refusal: Refusal): AibrixError {
  const { code, model = "" } = refusal;
  const spec: ErrorCodeSpec = errorCodes[code];
  const own = { status: spec.status, message: spec.message, code: null };
  if (bodyFaults.includes(code)) return typed({ ...own, headers: [[BODY_HEADER, "true"]] });
  if (noneFits.includes(code)) {
    const message = "error on selecting target pod";
    return typed({ status: 503, message, code: UNAVAILABLE, headers: [[ROUTING_HEADER, "true"]] });
  }
  switch (code) {
    case "strategy_unknown":
      return typed({ ...own, message: strategyMessage(refusal), headers: [[ROUTING_HEADER, "true"]] });
    case "model_not_found":
      return typed({ ...own, status: 400, code, headers: [[BACKENDS_HEADER, printable(model)]] });
    case "no_pods":
      return typed({ ...own, code: UNAVAILABLE, headers: [[BACKENDS_HEADER, printable(model)]] });
    case "saturated":
      return typed({ ...own, code: "rate_limit_exceeded", headers: [] });
    default:
      return typed({ ...own, code: spec.status === 503 ? UNAVAILABLE : code, headers: [] });
  }
}

/** As long as it may be in a header or a message; a client's text has no other bounds. */
const LONGEST = 256;

/** A client's text as a header's value, or as part of a message. */
function printable(text: string): string {
  return text.slice(0, LONGEST).replace(/[^ -~]/g, "?");
}

/** One that AIBrix has and we have not is told from one that nobody has. */
function strategyMessage({ strategy = "", unsupported }: Refusal): string {
  const refused = `incorrect routing strategy ${printable(strategy)}`;
  return unsupported === undefined ? refused : `${refused}: ${unsupported} is not supported`;
}

function typed(error: Omit<AibrixError, "type">): AibrixError {
  return { ...error, type: typeOf(error.status) };
}

function typeOf(status: number): string {
  if (status === 429) return "rate_limit_error";
  if (status === 503) return "overloaded_error";
  return status >= 400 && status < 500 ? "invalid_request_error" : "api_error";
}

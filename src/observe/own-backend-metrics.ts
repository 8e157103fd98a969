/** The picker's own metrics of attempts at backends, and of the routes that lead there. */
import { attemptFlaws } from "../ext-proc/attempt-flaws.ts";
import { routedBy } from "../ext-proc/stream-host.ts";
import { metric } from "./own-metric.ts";

const keys = (table: object): readonly string[] => Object.keys(table);
const told = (table: object): string =>
  Object.entries(table)
    .map(([key, meaning]) => `${key} (${meaning})`)
    .join(", ");

/** Which attempt of its request it is. */
export const attemptPlaces = {
  first: "the request's first",
  further: "after another failed",
  unknown: "the gateway does not count them: include_request_attempt_count",
} as const;

/** Statuses apart by what a gateway does about them. */
export const answerStatuses = ["2xx", "3xx", "4xx", "429", "5xx", "unseen"] as const;

export const backendTokenKinds = ["prompt", "cached", "cache-written", "completion", "reasoning"] as const;

export const backendMetrics = {
  attempts: metric(
    "counter",
    "attempts_total",
    ["backend", "attempt"],
    `Attempts that were sent on to their backend: ${told(attemptPlaces)}.`,
  ),
  attemptRefusals: metric(
    "counter",
    "attempt_refusals_total",
    ["backend", "code"],
    "Attempts that were answered here instead, by error code; no backend where none is known.",
  ),
  attemptsUnfit: metric(
    "counter",
    "attempts_unfit_total",
    ["flaw"],
    `Attempts that could not be made as their backend needs it: ${told(attemptFlaws)}.`,
    { values: { flaw: keys(attemptFlaws) } },
  ),
  backendAnswers: metric(
    "counter",
    "backend_answers_total",
    ["backend", "status"],
    "Answers of backends, those included that the gateway drops for a further attempt; attempts without one got none.",
  ),
  backendTokens: metric(
    "counter",
    "backend_tokens_total",
    ["backend", "kind"],
    "Tokens as the answers of backends tell them; prompt includes what was cached, completion what was reasoning.",
  ),
  routed: metric(
    "counter",
    "routed_total",
    ["by"],
    `Requests whose routes were told a model, or that there is none: ${told(routedBy)}.`,
    { values: { by: keys(routedBy) } },
  ),
  credentialReads: metric(
    "counter",
    "credential_reads_total",
    ["backend", "outcome"],
    "Files and tokens that let requests in at backends: renewed, or failed, where the last good one stays.",
  ),
} as const;

/** What pointsman answers itself, as bytes: refusals in the format of the OpenAI API, and the list of models. */
import { type ErrorCode, type ErrorCodeSpec, errorCodes } from "../errors.ts";
import type { ModelEntry } from "../pods/served-models.ts";
import type { Refusal } from "../routing/choose-pool.ts";
import { part, setHeader } from "./encode-reply.ts";
import { field, varintField } from "./wire.ts";

/** What AIBrix answers where a model is unknown. */
const AIBRIX_STATUS = 400;
const AIBRIX_HEADER = "x-error-no-model-backends";

/** One reply per error code, for those that carry nothing of the moment. */
const constantReplies = new Map<ErrorCode, Buffer>(
  (Object.entries(errorCodes) as [ErrorCode, ErrorCodeSpec][]).map(([code, spec]) => [
    code,
    encodeError(code, spec, spec.message),
  ]),
);

export function immediateReply(code: ErrorCode): Buffer {
  return constantReplies.get(code) ?? field(part.immediate);
}

/** A refusal made by routing, which may name what the client could ask for instead. */
export function refusalReply({ code, model = "", known, pool }: Refusal): Buffer {
  if (known === undefined) return immediateReply(code);
  const spec: ErrorCodeSpec = errorCodes[code];
  const words = known.length === 0 ? "" : ` Known: ${known.join(", ")}.`;
  if (code !== "model_not_found" || pool?.settings.unknownModel !== "refuse-as-aibrix") {
    return encodeError(code, spec, `${spec.message}${words}`);
  }
  const asAibrix = { ...spec, status: AIBRIX_STATUS };
  return encodeError(code, asAibrix, `${spec.message}${words}`, [setHeader(AIBRIX_HEADER, printable(model))]);
}

/** A client's text as a header's value. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, "?");
}

/** A list that is the same array is the same answer: a thousand entries take a millisecond to spell. */
const spelledLists = new WeakMap<readonly ModelEntry[], Buffer>();

export function modelListReply(entries: readonly ModelEntry[]): Buffer {
  const spelled = spelledLists.get(entries);
  if (spelled !== undefined) return spelled;
  const reply = encodeImmediate(200, JSON.stringify({ object: "list", data: entries }), [], "pointsman_models");
  spelledLists.set(entries, reply);
  return reply;
}

function encodeError(code: string, spec: ErrorCodeSpec, message: string, more: readonly Buffer[] = []): Buffer {
  const body = JSON.stringify({ error: { message, type: spec.type, param: spec.param ?? null, code } });
  const headers = [setHeader("x-pointsman-error", code), ...more];
  if (spec.retryAfterSeconds !== undefined) headers.push(setHeader("retry-after", String(spec.retryAfterSeconds)));
  return encodeImmediate(spec.status, body, headers, `pointsman_${code}`);
}

/** ImmediateResponse { status 1 { code 1 }, headers 2, body 3, details 5 }, with a JSON body. */
function encodeImmediate(status: number, body: string, headers: readonly Buffer[], details: string): Buffer {
  return field(
    part.immediate,
    field(1, varintField(1, status)),
    field(2, setHeader("content-type", "application/json"), ...headers),
    field(3, body),
    field(5, details),
  );
}

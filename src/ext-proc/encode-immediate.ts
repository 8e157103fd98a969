/** What pointsman answers itself, as bytes: refusals in the format of the OpenAI API, and the list of models. */
import type { AttemptRefusal } from "../backends/outgoing.ts";
import { type ErrorCode, type ErrorCodeSpec, errorCodes } from "../errors.ts";
import { WHY_HEADER } from "../explain/why-header.ts";
import type { ModelEntry } from "../pods/served-models.ts";
import type { Refusal } from "../routing/choose-pool.ts";
import { aibrixError } from "./aibrix-errors.ts";
import { part, setHeader } from "./encode-reply.ts";
import { field, varintField } from "./wire.ts";

/** Where clients of the Go picker look for the reason. */
const DROPPED_HEADER = "x-llm-d-request-dropped-reason";

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

/** A refusal of an attempt, which may name the member that is wrong; `says` is of ours too, instead of the code's words. */
export function attemptRefusalReply({ code, param, says }: AttemptRefusal): Buffer {
  if (param === undefined && says === undefined) return immediateReply(code);
  const spec: ErrorCodeSpec = errorCodes[code];
  return encodeError(code, { ...spec, ...(param !== undefined && { param }) }, says ?? spec.message);
}

/** A refusal made by routing, which may name what the client could ask for instead; `why` is what the header says that tells why. */
export function refusalReply(refusal: Refusal, asAibrix = false, why = ""): Buffer {
  const { code, known, pool } = refusal;
  const words = known === undefined || known.length === 0 ? "" : ` Known: ${known.join(", ")}.`;
  if (asAibrix || (code === "model_not_found" && pool?.settings.unknownModel === "refuse-as-aibrix")) {
    return encodeAibrixError(refusal, words, whyHeader(why));
  }
  if (known === undefined && why === "") return immediateReply(code);
  const spec: ErrorCodeSpec = errorCodes[code];
  return encodeError(code, spec, `${spec.message}${words}`, whyHeader(why));
}

/** Our own headers are there as well: whoever runs both kinds of gateway looks for one of them. */
function encodeAibrixError(refusal: Refusal, words: string, more: readonly Buffer[]): Buffer {
  const { status, message, type, code, headers } = aibrixError(refusal);
  const spec: ErrorCodeSpec = errorCodes[refusal.code];
  const told = headers.map(([name, value]) => setHeader(name, value));
  const said = { message: `${message}${words}`, type, param: spec.param ?? null, code };
  return encodeImmediate(
    status,
    JSON.stringify({ error: said }),
    [...ownHeaders(refusal.code), ...more, ...told],
    refusal.code,
  );
}

/** A list that is the same array is the same answer: a thousand entries take a millisecond to spell. */
const spelledLists = new WeakMap<readonly ModelEntry[], Buffer>();

export function modelListReply(entries: readonly ModelEntry[]): Buffer {
  const spelled = spelledLists.get(entries);
  if (spelled !== undefined) return spelled;
  const reply = encodeImmediate(200, JSON.stringify({ object: "list", data: entries }), [], "models");
  spelledLists.set(entries, reply);
  return reply;
}

function whyHeader(why: string): Buffer[] {
  return why === "" ? [] : [setHeader(WHY_HEADER, why)];
}

function encodeError(code: ErrorCode, spec: ErrorCodeSpec, message: string, more: readonly Buffer[] = []): Buffer {
  return encodeImmediate(spec.status, errorText(code, spec, message), [...ownHeaders(code), ...more], code);
}

/** The body of an answer, as OpenAI's API has it. */
export function errorText(
  code: ErrorCode,
  { type, param }: ErrorCodeSpec = errorCodes[code],
  message: string = errorCodes[code].message,
): string {
  return JSON.stringify({ error: { message, type, param: param ?? null, code } });
}

/** By which code, why, and when to come again. */
function ownHeaders(code: ErrorCode): Buffer[] {
  const { dropped, retryAfterSeconds }: ErrorCodeSpec = errorCodes[code];
  const headers = [setHeader("x-pointsman-error", code)];
  if (dropped !== undefined) headers.push(setHeader(DROPPED_HEADER, dropped));
  if (retryAfterSeconds !== undefined) headers.push(setHeader("retry-after", String(retryAfterSeconds)));
  return headers;
}

/** ImmediateResponse { status 1 { code 1 }, headers 2, body 3, details 5 }, with a JSON body. */
function encodeImmediate(status: number, body: string, headers: readonly Buffer[], details: string): Buffer {
  return field(
    part.immediate,
    field(1, varintField(1, status)),
    field(2, setHeader("content-type", "application/json"), ...headers),
    field(3, body),
    field(5, `pointsman_${details}`),
  );
}

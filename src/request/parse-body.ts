/**
 * A JSON body -> what routing reads of it, in one pass over the bytes and without building it. Keys may come in any
 * order and spelling; of a key that comes twice the last one counts, as JSON.parse has it. What is read of each API is
 * in apis.ts.
 *
 * The same conversation with more messages behind begins with the same ranges. The prompt is only located, never
 * decoded: text counts as it is spelt, so the same text with other escapes is another prompt. A prompt that is missing
 * or of an unknown shape is no fault: the request goes by load.
 */
import type { ErrorCode } from "../errors.ts";
import { apis } from "./apis.ts";
import { BodyPlan, shareReaders } from "./body-plan.ts";
import { type InferenceRequest, type JsonApi, LONGEST_MODEL } from "./inference-request.ts";
import { isDigit, OPEN_BRACE } from "./json-bytes.ts";
import { ADAPTER, PromptRanges, saltMarks } from "./prompt-ranges.ts";
import type { Place } from "./prompt-values.ts";
import { BAD, type Visit } from "./scan-json.ts";
import { ValueReader } from "./value-reader.ts";

export interface BodyFault {
  readonly code: Extract<ErrorCode, "malformed_json" | "model_missing" | "model_too_long">;
}

const malformedJson: BodyFault = Object.freeze({ code: "malformed_json" });
const modelMissing: BodyFault = Object.freeze({ code: "model_missing" });
const modelTooLong: BodyFault = Object.freeze({ code: "model_too_long" });
const LOWER_T = 0x74;
/** Digits of a number that may be meant as a cap. */
const LONGEST_CAP = 32;

// One body is read at a time; all of this is scratch that parseBody resets.
const reader = new ValueReader();
const ranges = new PromptRanges();
const shared = shareReaders(reader);
const plans = Object.fromEntries(
  Object.entries(apis).map(([api, spec]) => [api, new BodyPlan(spec, shared)]),
) as Readonly<Record<JsonApi, BodyPlan>>;
let plan = plans.chat;
const visitMember: Visit = (at) => reader.visitMember(plan.table, at);

/**
 * `cut` says that the body is only the head of the message: then nothing is a fault, and what was seen counts, also
 * the seen part of a string. The same holds of a body with more structure than is read. The result's prompt is valid
 * until the next call.
 */
export function parseBody(api: JsonApi, body: Uint8Array, cut: boolean): InferenceRequest | BodyFault {
  plan = plans[api];
  plan.clear();
  reader.open(body);
  const at = reader.skipSpace(0);
  const behind = reader.byteAt(at) === OPEN_BRACE ? reader.members(at, visitMember) : BAD;
  const { model } = plan;
  const isTooLong = model.mark === 0 && model.end - model.start > LONGEST_MODEL;
  if (!cut && !reader.gaveUp) {
    if (behind === BAD || reader.skipSpace(behind) !== reader.end) return malformedJson;
    if (apis[api].needsModel && !isText(model)) return modelMissing;
    if (isTooLong) return modelTooLong;
  }
  return requestOf(api, body);
}

function requestOf(api: JsonApi, body: Uint8Array): InferenceRequest {
  const { stream } = plan;
  ranges.body = body;
  ranges.truncate(0);
  for (let i = 0; i < plan.salts.length; i++) addApart(plan.salts[i]!, saltMarks[i]!);
  for (const adapter of plan.adapter) addApart(adapter, ADAPTER);
  const apartBytes = ranges.count > 0 ? ranges.bytes() : 0;
  const otherBytes = plan.addPrompt(ranges);
  const promptBytes = ranges.bytes() - apartBytes + otherBytes;
  return {
    api,
    model: textOf(plan.model),
    adapter: firstText(plan.adapter),
    session: firstText(plan.session),
    stream: stream.start < stream.end && stream.mark !== 0 && reader.byteAt(stream.start) === LOWER_T,
    maxTokens: firstCap(plan.caps),
    promptBytes,
    prompt: promptBytes > 0 && apis[api].keepsPrompt ? ranges : null,
  };
}

function addApart(place: Place, mark: number): void {
  if (isText(place)) ranges.addApart(place.start, place.end, mark);
}

/** Is a string there that is not empty and came whole? */
function isText(place: Place): boolean {
  return place.mark === 0 && place.isWhole && place.start < place.end;
}

function firstText(places: readonly Place[]): string {
  for (const place of places) {
    const text = textOf(place);
    if (text !== "") return text;
  }
  return "";
}

function textOf(place: Place): string {
  if (!isText(place) || place.end - place.start > LONGEST_MODEL) return "";
  return reader.textOf(place.start, place.end);
}

function firstCap(places: readonly Place[]): number {
  for (const place of places) {
    const cap = capAt(place);
    if (!Number.isNaN(cap)) return cap;
  }
  return Number.NaN;
}

/** The value there as a cap on tokens; NaN for what is none, and for a number the body's end may have cut. */
function capAt({ start, end, mark }: Place): number {
  const isNumber = start < end && mark !== 0 && isDigit(reader.byteAt(start));
  if (!isNumber || end === reader.end || end - start > LONGEST_CAP) return Number.NaN;
  const cap = Number(reader.textOf(start, end));
  return Number.isFinite(cap) ? cap : Number.NaN;
}

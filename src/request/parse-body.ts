/**
 * A JSON body -> what routing reads of it, in one pass over the bytes and without building it. Keys may come in any
 * order and spelling; of a key that comes twice the last one counts, as JSON.parse has it. What is read of each API is
 * in apis.ts.
 *
 * The same conversation with more messages behind begins with the same ranges. The prompt is only located, never
 * decoded: text counts as it is spelt, so the same text with other escapes is another prompt. A prompt that is missing
 * or of an unknown shape is no fault: the request goes by load.
 *
 * The engines read with Python's json.loads, which takes a little more: of that, the byte order mark of UTF-8 is taken
 * here too; NaN and Infinity, and UTF-16 and UTF-32, which no client writes, are refused.
 */
import type { ErrorCode } from "../errors.ts";
import { apis } from "./apis.ts";
import { BodyPlan, shareReaders } from "./body-plan.ts";
import { type InferenceRequest, type JsonApi, LONGEST_MODEL } from "./inference-request.ts";
import { CLOSE_BRACE, isDigit, OPEN_BRACE } from "./json-bytes.ts";
import type { ModelPlace } from "./model-place.ts";
import { ADAPTER, PromptRanges, saltMarks } from "./prompt-ranges.ts";
import type { Place } from "./prompt-values.ts";
import { BAD, type Visit } from "./scan-json.ts";
import { ValueReader } from "./value-reader.ts";

export interface BodyFault {
  readonly code: Extract<ErrorCode, "malformed_json" | "model_missing" | "model_too_long">;
}

/** A body with more structure than is read: what it says further on, such as another model, stays unknown. */
export interface TooMuchWork {
  readonly code: "too_much";
}

const tooMuch: TooMuchWork = Object.freeze({ code: "too_much" });
const malformedJson: BodyFault = Object.freeze({ code: "malformed_json" });
const modelMissing: BodyFault = Object.freeze({ code: "model_missing" });
const modelTooLong: BodyFault = Object.freeze({ code: "model_too_long" });
const LOWER_T = 0x74;
const NULL_BYTES = 4;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");
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
/** Did the last walk come to the object's end? */
let isWhole = false;
const visitMember: Visit = (at) => reader.visitMember(plan.table, at);

/**
 * `cut` says that the body is only the head of the message: then nothing is a fault, and what was seen counts, also
 * the seen part of a string. The result's prompt is valid until the next call. `mayLackModel` says that nobody is to
 * be told of a missing model.
 */
export function parseBody(
  api: JsonApi,
  body: Uint8Array,
  cut: boolean,
  mayLackModel = !apis[api].needsModel,
): InferenceRequest | BodyFault | TooMuchWork {
  plan = plans[api];
  plan.clear();
  reader.open(body);
  const at = valueStart();
  const behind = reader.byteAt(at) === OPEN_BRACE ? reader.members(at, visitMember) : BAD;
  isWhole = behind !== BAD;
  if (reader.gaveUp) return tooMuch;
  const { model } = plan;
  const isTooLong = model.mark === 0 && model.end - model.start > LONGEST_MODEL;
  if (!cut) {
    if (behind === BAD || reader.skipSpace(behind) !== reader.end) return malformedJson;
    if (!mayLackModel && !isText(model)) return modelMissing;
    if (isTooLong) return modelTooLong;
  }
  return requestOf(api, body);
}

/**
 * Where the body last parsed names its model; where it names none, the place where it can. Undefined where not enough of
 * the body was read to say. Of a key that comes twice it is the one that counts.
 */
export function modelPlace(): ModelPlace | undefined {
  const { start, end, mark } = plan.model;
  if (start === 0) return isWhole ? firstMember() : undefined;
  if (!plan.model.isWhole) return undefined;
  if (mark === 0) return { start, end, form: "json-text" };
  // Readers note null as an empty range.
  return { start, end: start === end ? start + NULL_BYTES : end, form: "json-value" };
}

/** Where the body's value begins. */
function valueStart(): number {
  let mark = 0;
  while (mark < BYTE_ORDER_MARK.length && reader.byteAt(mark) === BYTE_ORDER_MARK[mark]) mark++;
  return reader.skipSpace(mark === BYTE_ORDER_MARK.length ? mark : 0);
}

function firstMember(): ModelPlace {
  const start = valueStart() + 1;
  const isEmpty = reader.byteAt(reader.skipSpace(start)) === CLOSE_BRACE;
  return { start, end: start, form: isEmpty ? "json-only-member" : "json-first-member" };
}

function requestOf(api: JsonApi, body: Uint8Array): InferenceRequest {
  const { stream } = plan;
  ranges.body = body;
  ranges.clear();
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

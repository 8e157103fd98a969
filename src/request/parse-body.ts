/**
 * An OpenAI-style JSON body -> what routing reads of it, in one pass over the bytes and without building it. Keys may
 * come in any order and spelling; of a key that comes twice the last one counts, as JSON.parse has it.
 *
 * The prompt of a chat is its tools (chat templates print them first), then its messages; that of completions is their
 * prompt. The same conversation with more messages behind begins with the same ranges, whatever the space between the
 * tokens. A prompt that is missing or of an unknown shape is no fault: the request goes by load.
 */
import type { ErrorCode } from "../errors.ts";
import { ChatMessages } from "./chat-messages.ts";
import { CompletionPrompt } from "./completion-prompt.ts";
import { type Api, type InferenceRequest, LONGEST_MODEL } from "./inference-request.ts";
import { OPEN_BRACE, QUOTE } from "./json-bytes.ts";
import { PART, PromptRanges, SALT } from "./prompt-ranges.ts";
import { BAD, isDigit, type Visit } from "./scan-json.ts";
import { MemberTable, ValueReader } from "./value-reader.ts";

export type BodyApi = Exclude<Api, "none">;

export interface BodyFault {
  readonly code: Extract<ErrorCode, "malformed_json" | "model_missing" | "model_too_long">;
}

const malformedJson: BodyFault = Object.freeze({ code: "malformed_json" });
const modelMissing: BodyFault = Object.freeze({ code: "model_missing" });
const modelTooLong: BodyFault = Object.freeze({ code: "model_too_long" });
const LOWER_T = 0x74;
/** Digits of a number that may be meant as a cap. */
const LONGEST_CAP = 32;

/** Where a value stands that counts by its last mention: it is built once, when the whole body has been seen. */
interface Place {
  start: number;
  end: number;
}

// One body is read at a time; all of this is scratch that parseBody resets.
const reader = new ValueReader();
const ranges = new PromptRanges();
const messages = new ChatMessages(reader, ranges);
const prompt = new CompletionPrompt(reader, ranges);
const model: Place = { start: 0, end: 0 };
const maxTokens: Place = { start: 0, end: 0 };
const maxCompletionTokens: Place = { start: 0, end: 0 };
const tools: Place = { start: 0, end: 0 };
const salt: Place = { start: 0, end: 0 };
const places = [model, maxTokens, maxCompletionTokens, tools, salt];
let stream = false;

/** Takes any value. */
function placing(place: Place): Visit {
  return (at) => {
    const next = reader.take(at);
    place.start = reader.valueStart;
    place.end = reader.valueEnd;
    return next;
  };
}

/** Takes a string that came whole; any other value is none. */
function placingString(place: Place): Visit {
  return (at) => {
    const next = reader.take(at);
    place.start = reader.valueStart;
    place.end = next !== BAD && reader.byteAt(at) === QUOTE ? reader.valueEnd : place.start;
    return next;
  };
}

const common: Readonly<Record<string, Visit>> = {
  model: placingString(model),
  stream: (at) => {
    stream = reader.byteAt(at) === LOWER_T;
    return reader.skipValue(at);
  },
  max_tokens: placing(maxTokens),
  cache_salt: placingString(salt),
};
const tables: Readonly<Record<BodyApi, MemberTable>> = {
  chat: new MemberTable(
    {
      ...common,
      messages: (at) => messages.read(at),
      tools: placing(tools),
      max_completion_tokens: placing(maxCompletionTokens),
    },
    reader.skip,
  ),
  completions: new MemberTable({ ...common, prompt: (at) => prompt.read(at) }, reader.skip),
};
let table = tables.chat;
const visitMember: Visit = (at) => reader.visitMember(table, at);

/**
 * `cut` says that the body is only the head of the message: then nothing is a fault, and what was seen counts, also
 * the seen part of a string. The result's prompt is valid until the next call.
 */
export function parseBody(api: BodyApi, body: Uint8Array, cut: boolean): InferenceRequest | BodyFault {
  reset(api, body);
  const at = reader.skipSpace(0);
  const behind = reader.byteAt(at) === OPEN_BRACE ? reader.members(at, visitMember) : BAD;
  const isTooLong = model.end - model.start > LONGEST_MODEL;
  if (!cut) {
    if (behind === BAD || reader.skipSpace(behind) !== reader.end) return malformedJson;
    if (model.start === model.end) return modelMissing;
    if (isTooLong) return modelTooLong;
  }
  ranges.addFirst(tools.start, tools.end, PART);
  const promptBytes = ranges.bytes() + prompt.otherBytes;
  if (promptBytes > 0) ranges.addFirst(salt.start, salt.end, SALT);
  const completionCap = capAt(maxCompletionTokens);
  return {
    api,
    model: isTooLong ? "" : reader.textOf(model.start, model.end),
    stream,
    maxTokens: Number.isNaN(completionCap) ? capAt(maxTokens) : completionCap,
    promptBytes,
    prompt: promptBytes > 0 ? ranges : null,
  };
}

function reset(api: BodyApi, body: Uint8Array): void {
  reader.open(body);
  ranges.body = body;
  ranges.truncate(0);
  prompt.clear();
  table = tables[api];
  for (const place of places) place.start = place.end = 0;
  stream = false;
}

/** The value there as a cap on tokens; NaN for what is none, and for a number the body's end may have cut. */
function capAt({ start, end }: Place): number {
  const isNumber = start < end && isDigit(reader.byteAt(start)) && reader.byteAt(start - 1) !== QUOTE;
  if (!isNumber || end === reader.end || end - start > LONGEST_CAP) return Number.NaN;
  const cap = Number(reader.textOf(start, end));
  return Number.isFinite(cap) ? cap : Number.NaN;
}

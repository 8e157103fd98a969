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
import type { Api, InferenceRequest } from "./inference-request.ts";
import { PART, PromptRanges, SALT } from "./prompt-ranges.ts";
import { BAD, isDigit, OPEN_BRACE, QUOTE, type Visit } from "./scan-json.ts";
import { MemberTable, ValueReader } from "./value-reader.ts";

export type BodyApi = Exclude<Api, "none">;

export interface BodyFault {
  readonly code: Extract<ErrorCode, "malformed_json" | "model_missing">;
}

const malformedJson: BodyFault = Object.freeze({ code: "malformed_json" });
const modelMissing: BodyFault = Object.freeze({ code: "model_missing" });
const LOWER_T = 0x74;
/** Digits of a number that may be meant as a cap. */
const LONGEST_CAP = 32;

// One body is read at a time; all of this is scratch that parseBody resets.
const reader = new ValueReader();
const ranges = new PromptRanges();
const messages = new ChatMessages(reader, ranges);
const prompt = new CompletionPrompt(reader, ranges);
let model = "";
let stream = false;
let maxTokens = Number.NaN;
let maxCompletionTokens = Number.NaN;
let toolsStart = 0;
let toolsEnd = 0;
let saltStart = 0;
let saltEnd = 0;

const common: Readonly<Record<string, Visit>> = {
  model: (at) => {
    const next = reader.take(at);
    model = next !== BAD && reader.byteAt(at) === QUOTE ? reader.takenText() : "";
    return next;
  },
  stream: (at) => {
    stream = reader.byteAt(at) === LOWER_T;
    return reader.skipValue(at);
  },
  max_tokens: (at) => {
    const next = reader.take(at);
    maxTokens = takenCap();
    return next;
  },
  cache_salt: (at) => {
    const next = reader.take(at);
    saltStart = reader.valueStart;
    saltEnd = next !== BAD && reader.byteAt(at) === QUOTE ? reader.valueEnd : saltStart;
    return next;
  },
};
const tables: Readonly<Record<BodyApi, MemberTable>> = {
  chat: new MemberTable(
    {
      ...common,
      messages: (at) => messages.read(at),
      tools: (at) => {
        const next = reader.take(at);
        toolsStart = reader.valueStart;
        toolsEnd = reader.valueEnd;
        return next;
      },
      max_completion_tokens: (at) => {
        const next = reader.take(at);
        maxCompletionTokens = takenCap();
        return next;
      },
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
  if (!cut) {
    if (behind === BAD || reader.skipSpace(behind) !== reader.end) return malformedJson;
    if (model === "") return modelMissing;
  }
  ranges.addFirst(toolsStart, toolsEnd, PART);
  const promptBytes = ranges.bytes() + prompt.otherBytes;
  if (promptBytes > 0) ranges.addFirst(saltStart, saltEnd, SALT);
  return {
    api,
    model,
    stream,
    maxTokens: Number.isNaN(maxCompletionTokens) ? maxTokens : maxCompletionTokens,
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
  model = "";
  stream = false;
  maxTokens = maxCompletionTokens = Number.NaN;
  toolsStart = toolsEnd = saltStart = saltEnd = 0;
}

/** The value last taken as a cap on tokens; NaN for what is none, and for a number the body's end may have cut. */
function takenCap(): number {
  const { valueStart, valueEnd, end } = reader;
  const isNumber = isDigit(reader.byteAt(valueStart)) && reader.byteAt(valueStart - 1) !== QUOTE;
  if (!isNumber || valueEnd === end || valueEnd - valueStart > LONGEST_CAP) return Number.NaN;
  const cap = Number(reader.takenText());
  return Number.isFinite(cap) ? cap : Number.NaN;
}

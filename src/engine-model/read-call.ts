/** Reads the body of an inference request into what the engine needs, or says what is wrong with it. */
import {
  type ApiError,
  type BodyFault,
  contextTooLong,
  describeInput,
  invalidBody,
  maxTokensTooBig,
  promptTooLong,
  unknownModel,
} from "./api-errors.ts";
import { type ChatMessage, tokenizeChat, tokenizeText } from "./fake-tokenizer.ts";

export type CallKind = "chat" | "completions";

/** A valid inference request: every prompt in tokens, every option filled. */
export interface InferenceCall {
  readonly kind: CallKind;
  readonly prompts: readonly (readonly number[])[];
  /** Answers wanted per prompt. */
  readonly n: number;
  readonly maxTokens: number;
  readonly ignoreEos: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly continuousUsage: boolean;
  readonly returnTokenIds: boolean;
  readonly cacheSalt: string;
}

/** What a request is checked against. */
export interface ServedModel {
  readonly name: string;
  readonly maxModelLen: number;
}

/** The fields read; everything else a client may send is ignored, as sampling means nothing here. */
interface CallBody {
  readonly model?: unknown;
  readonly messages?: unknown;
  readonly tools?: unknown;
  readonly prompt?: unknown;
  readonly n?: unknown;
  readonly max_tokens?: unknown;
  readonly max_completion_tokens?: unknown;
  readonly ignore_eos?: unknown;
  readonly stream?: unknown;
  readonly stream_options?: unknown;
  readonly return_token_ids?: unknown;
  readonly cache_salt?: unknown;
}
interface StreamOptions {
  readonly include_usage?: unknown;
  readonly continuous_usage_stats?: unknown;
}

export type Read<T> = { readonly value: T } | { readonly error: ApiError };

/** Parses JSON and wants an object. The fault's place is the byte at which a parser gives up. */
export function readJsonObject(text: string): Read<object> {
  if (text === "") return { error: invalidBody([missing("body", null)]) };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const place = /position (\d+)/.exec(String(error))?.[1] ?? String(text.length);
    const fault = { type: "json_invalid", loc: `body.${place}`, msg: "JSON decode error", input: describeInput({}) };
    return { error: invalidBody([{ ...fault, ctx: "Expecting value" }]) };
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { value: parsed };
  return { error: invalidBody([wrongType("body", "dict", parsed)]) };
}

/** Faults of the schema come first and all at once, then the model, then the lengths: one error each. */
export function readCall(kind: CallKind, body: object, served: ServedModel): Read<InferenceCall> {
  const fields: CallBody = body;
  const faults = [...promptFaults(kind, fields, body), ...optionFaults(fields)];
  if (faults.length > 0) return { error: invalidBody(faults) };
  const wrongModel = modelError(fields.model, served);
  if (wrongModel !== null) return { error: wrongModel };

  const prompts = kind === "chat" ? [chatTokens(fields)] : promptTokens(fields.prompt);
  const asked = fields.max_completion_tokens ?? fields.max_tokens ?? null;
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  // Left out, chat may fill the context, and completions have OpenAI's old default.
  const maxTokens = asked === null ? (kind === "chat" ? served.maxModelLen - longest : 16) : Number(asked);
  const error = lengthError(kind, longest, maxTokens, served.maxModelLen);
  if (error !== null) return { error };
  const streamOptions: StreamOptions =
    typeof fields.stream_options === "object" && fields.stream_options !== null ? fields.stream_options : {};
  return {
    value: {
      kind,
      prompts,
      n: typeof fields.n === "number" ? fields.n : 1,
      maxTokens,
      ignoreEos: fields.ignore_eos === true,
      stream: fields.stream === true,
      includeUsage: streamOptions.include_usage === true,
      continuousUsage: streamOptions.continuous_usage_stats === true,
      returnTokenIds: fields.return_token_ids === true,
      cacheSalt: typeof fields.cache_salt === "string" ? fields.cache_salt : "",
    },
  };
}

/** POST /tokenize takes either form of prompt. */
export function readTokens(body: object, served: ServedModel): Read<readonly number[]> {
  const fields: CallBody = body;
  const chat = fields.messages !== undefined;
  const faults = chat ? promptFaults("chat", fields, body) : textFaults(fields.prompt, body);
  if (faults.length > 0) return { error: invalidBody(faults) };
  const wrongModel = modelError(fields.model, served);
  if (wrongModel !== null) return { error: wrongModel };
  return { value: chat ? chatTokens(fields) : tokenizeText(String(fields.prompt)) };
}

/** A request that names no model is served. */
function modelError(model: unknown, served: ServedModel): ApiError | null {
  if (model === undefined || model === null || model === served.name) return null;
  return unknownModel(String(model), served.name);
}

/** A prompt too long by itself says so, whatever max_tokens is. */
function lengthError(kind: CallKind, longest: number, maxTokens: number, maxModelLen: number): ApiError | null {
  if (longest > maxModelLen) return promptTooLong(longest, maxModelLen, kind === "completions");
  if (maxTokens > maxModelLen) return maxTokensTooBig(maxTokens, maxModelLen);
  if (longest + Math.max(1, maxTokens) > maxModelLen) return contextTooLong(longest, maxTokens, maxModelLen);
  return null;
}

/** After promptFaults found nothing. */
function chatTokens(fields: CallBody): number[] {
  return tokenizeChat(fields.messages as readonly ChatMessage[], fields.tools);
}

/** Text, token ids, or a list of either. An empty prompt still has its begin token. */
function promptTokens(prompt: unknown): number[][] {
  const list = Array.isArray(prompt) && typeof prompt[0] !== "number" ? prompt : [prompt];
  return list.map((one) => {
    const tokens = typeof one === "string" ? tokenizeText(one) : (one as number[]);
    return tokens.length === 0 ? [1] : tokens;
  });
}

function missing(loc: string, input: unknown): BodyFault {
  return { type: "missing", loc, msg: "Field required", input: describeInput(input) };
}

function wrongType(loc: string, wanted: string, got: unknown): BodyFault {
  const name =
    { dict: "dictionary", string: "string", list: "list", int: "integer", bool: "boolean" }[wanted] ?? wanted;
  return { type: `${wanted}_type`, loc, msg: `Input should be a valid ${name}`, input: describeInput(got) };
}

function promptFaults(kind: CallKind, fields: CallBody, body: object): BodyFault[] {
  if (kind === "chat") {
    if (fields.messages === undefined) return [missing("body.messages", body)];
    if (!Array.isArray(fields.messages)) return [wrongType("body.messages", "list", fields.messages)];
    return fields.messages.flatMap((message: unknown, index) => messageFaults(message, `body.messages.${index}`));
  }
  if (fields.prompt === undefined || fields.prompt === null) return [missing("body.prompt", body)];
  if (isPrompt(fields.prompt)) return [];
  // One fault for each of the four forms a prompt may have.
  return ["list", "list", "string", "list"].map((wanted) => wrongType("body.prompt", wanted, fields.prompt));
}

/** Content is free: text, parts, or nothing beside tool calls. */
function messageFaults(message: unknown, loc: string): BodyFault[] {
  if (typeof message !== "object" || message === null) return [wrongType(loc, "dict", message)];
  if (!("role" in message)) return [missing(`${loc}.role`, message)];
  return typeof message.role === "string" ? [] : [wrongType(`${loc}.role`, "string", message.role)];
}

function textFaults(prompt: unknown, body: object): BodyFault[] {
  if (prompt === undefined) return [missing("body.prompt", body)];
  return typeof prompt === "string" ? [] : [wrongType("body.prompt", "string", prompt)];
}

/** Text, token ids, or a list of only one of both. */
function isPrompt(prompt: unknown): boolean {
  if (typeof prompt === "string" || isTokenIds(prompt)) return true;
  if (!Array.isArray(prompt) || prompt.length === 0) return false;
  return prompt.every((one) => typeof one === "string") || prompt.every(isTokenIds);
}

function isTokenIds(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((token) => Number.isInteger(token));
}

/** Null is the same as left out. */
function optionFaults(fields: CallBody): BodyFault[] {
  const faults: BodyFault[] = [];
  const check = (name: keyof CallBody, wanted: string, valid: (value: unknown) => boolean): void => {
    const value = fields[name];
    if (value !== undefined && value !== null && !valid(value)) faults.push(wrongType(`body.${name}`, wanted, value));
  };
  const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1;
  check("model", "string", (value) => typeof value === "string");
  check("stream", "bool", (value) => typeof value === "boolean");
  check("stream_options", "dict", (value) => typeof value === "object" && !Array.isArray(value));
  check("max_tokens", "int", isCount);
  check("max_completion_tokens", "int", isCount);
  check("n", "int", isCount);
  check("cache_salt", "string", (value) => typeof value === "string" && value !== "");
  return faults;
}

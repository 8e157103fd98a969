/** The errors of vLLM's HTTP front, in its shapes: clients and proxies read `type`, `param` and `code`. */

/** An answer that ends a request: an HTTP status and its JSON body. */
export interface ApiError {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

function apiError(status: number, type: string, message: string, param: string | null): ApiError {
  return { status, body: { error: { message, type, param, code: status } } };
}

/** Paths and methods are refused by the web framework, which has a shape of its own. */
export const notFound: ApiError = { status: 404, body: { detail: "Not Found" } };

export function methodNotAllowed(allow: string): ApiError {
  return { status: 405, body: { detail: "Method Not Allowed" }, headers: { allow } };
}

export function unknownModel(asked: string, served: string): ApiError {
  const message = `The model \`${asked}\` does not exist. Valid aliases: ${served}.`;
  return apiError(404, "NotFoundError", message, "model");
}

/** `counted` is false where the tokenizer gives up one token past the limit. */
export function promptTooLong(tokens: number, maxModelLen: number, counted: boolean): ApiError {
  const value = counted ? tokens : maxModelLen + 1;
  const amount = counted ? `${value}` : `at least ${value}`;
  const message =
    `The prompt has ${amount} input tokens; this model's maximum context length is ${maxModelLen} tokens, ` +
    `output included. (parameter=input_tokens, value=${value})`;
  return apiError(400, "BadRequestError", message, "input_tokens");
}

export function maxTokensTooBig(maxTokens: number, maxModelLen: number): ApiError {
  const message = `max_tokens=${maxTokens} is above max_model_len=${maxModelLen}. (parameter=max_tokens, value=${maxTokens})`;
  return apiError(400, "BadRequestError", message, "max_tokens");
}

export function contextTooLong(promptTokens: number, maxTokens: number, maxModelLen: number): ApiError {
  const message =
    `${promptTokens} input tokens and ${maxTokens} output tokens exceed this model's maximum context length of ` +
    `${maxModelLen} tokens. (parameter=input_tokens, value=${promptTokens})`;
  return apiError(400, "BadRequestError", message, "input_tokens");
}

export const injectedFailure = apiError(500, "InternalServerError", "The fake pod was told to fail.", null);
export const draining = apiError(503, "ServiceUnavailableError", "The pod is draining.", null);

/** What is said of a body that is not announced as JSON, read or not: `curl -d` alone says form-urlencoded. Older vLLM: 415. */
export const notJson = apiError(
  400,
  "Bad Request",
  "1 validation error:\n  Unsupported Media Type: it has to be 'application/json'",
  null,
);

/** One field that does not fit the request's schema. */
export interface BodyFault {
  readonly type: string;
  readonly loc: string;
  readonly msg: string;
  readonly input: string;
  readonly ctx?: string;
}

/** All faults of a body in one error, printed the way Python prints a list of dicts. */
export function invalidBody(faults: readonly BodyFault[]): ApiError {
  const lines = faults.map(({ type, loc, msg, input, ctx }) => {
    const context = ctx === undefined ? "" : `, 'ctx': {'error': '${ctx}'}`;
    return `\n  {'type': '${type}', 'loc': '${loc}', 'msg': '${msg}', 'input': '${input}'${context}}`;
  });
  const noun = faults.length === 1 ? "error" : "errors";
  const message = `${faults.length} validation ${noun}:${lines.join("")}`;
  return apiError(400, "Bad Request", message, faults[0]?.loc ?? "body");
}

/** Names a value without repeating it: prompts do not belong in error messages. */
export function describeInput(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) return `<list of ${value.length} items>`;
  if (typeof value === "object") return `<dict of ${Object.keys(value).length} items>`;
  if (typeof value === "string") return `<str of ${value.length} characters>`;
  return String(value);
}

/**
 * A provider's error in OpenAI's form. The status stays as it is, since clients go by that. What a provider says of a
 * credential does not reach the client: it quotes keys, and signatures with the headers they cover.
 */

import { type ErrorCode, errorCodes } from "../errors.ts";
import { isList, isObject, parsedObject } from "./checked-json.ts";
import { CollectedAnswer } from "./collected-answer.ts";
import type { AnswerHead, AnswerTranslation, JsonObject, JsonValue } from "./translator.ts";

/** Names as OpenAI's errors have them. */
export interface AnswerError {
  readonly message: string;
  readonly type: string;
  /** The provider's own word for what went wrong, such as `overloaded_error`; null where it has none. */
  readonly code: string | null;
}

/** What a provider says of itself; "" for nothing. */
export interface ToldError {
  readonly message: string;
  readonly code: string;
}

/** The answer ended before the provider said that it does. */
export const brokenOff = ownError("backend_answer_cut");

/** The backend answered with something that is no answer of its API. */
export const unreadable = ownError("backend_answer_unreadable");

function ownError(code: ErrorCode): AnswerError {
  const { message, type } = errorCodes[code];
  return { message, type, code };
}

/** Why a document is no answer: JSON that has no end was cut. `text` is undefined where it is too long to be one. */
export function documentFault(text: string | undefined): AnswerError {
  const isCut = text !== undefined && /^\s*([[{]|$)/.test(text) && parsedJson(text) === undefined;
  return isCut ? brokenOff : unreadable;
}

/** Providers answer in JSON; whoever names nothing is taken for one who does. A page of a proxy's is something else. */
export function isJsonType(contentType: string): boolean {
  return /^\s*($|[\w.-]+\/([\w.-]+\+)?json\s*(;|$))/i.test(contentType);
}

export function errorBody({ message, type, code }: AnswerError): JsonObject {
  return { error: { message, type, param: null, code } };
}

/** Inside of a stream: without [DONE] behind it, so that nobody takes the answer for whole. */
export function errorEvent(error: AnswerError): string {
  return `data: ${JSON.stringify(errorBody(error))}\n\n`;
}

/** OpenAI's type for a status. */
function errorTypeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** `told` is undefined where the provider's words cannot be read. */
export function answerError(status: number, told: ToldError | undefined): AnswerError {
  const type = errorTypeOf(status);
  const code = told?.code || null;
  if (status === 401 || status === 403) {
    return { message: "The backend did not accept the credentials that it was sent.", type, code };
  }
  return { message: told?.message || `The backend answered with status ${status}.`, type, code };
}

/**
 * What most providers write: `{error: {message, type | status | code}}`, bare as Amazon has it (`message`, `__type`), or
 * as the first item of a list, as Google does where a stream was asked for.
 */
export function toldError(body: JsonValue | undefined): ToldError | undefined {
  const whole = isList(body) ? body[0] : body;
  if (!isObject(whole)) return undefined;
  const told = isObject(whole["error"]) ? whole["error"] : whole;
  const message = firstText(told["message"], told["Message"], whole["error"]);
  // What stands in `type` of the whole is the kind of the document, such as "error".
  const code = firstText(told === whole ? undefined : told["type"], told["status"], told["code"], told["__type"]);
  // Amazon writes the name of the namespace before the error's own.
  return { message, code: code.slice(code.lastIndexOf("#") + 1) };
}

function firstText(...values: readonly (JsonValue | undefined)[]): string {
  return values.find((value) => typeof value === "string" && value !== "")?.toString() ?? "";
}

/** The translation of an answer whose status tells of an error, whatever its form. */
export function errorTranslation(head: AnswerHead): AnswerTranslation {
  return new CollectedAnswer((text) => {
    const told = text === undefined ? undefined : toldError(parsedJson(text));
    // Amazon's bodies may leave it to a header, behind whose colon is an address.
    const [name = ""] = head.header("x-amzn-errortype").split(":");
    return { body: errorBody(answerError(head.status, { message: told?.message ?? "", code: told?.code || name })) };
  });
}

function parsedJson(text: string): JsonValue | undefined {
  const object = parsedObject(text);
  if (object !== undefined || !text.trimStart().startsWith("[")) return object;
  return parsedObject(`{"list":${text}}`)?.["list"];
}

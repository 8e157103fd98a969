/**
 * Which reader a body needs, by what its headers say, and the one door to all of them.
 *
 * Only what is plainly wrong with the JSON of a JSON API is a fault that the client is told of. Any other body that
 * cannot be read goes to a pod by load, with a reason that is counted: the pod knows best what to say of it.
 */
import { readGrpcRequest } from "./grpc-generate.ts";
import { type Api, bodylessRequest, type FormApi, type GrpcApi, type InferenceRequest } from "./inference-request.ts";
import type { InflateFault } from "./inflate.ts";
import { type Coding, codingsOf } from "./inflate-codings.ts";
import type { ModelPlace } from "./model-place.ts";
import { formModelPlace, readMultipart } from "./multipart.ts";
import { anyApiOfPath, isFormApi, isGrpcApi } from "./other-apis.ts";
import { type BodyFault, modelPlace, parseBody } from "./parse-body.ts";

/** Why a body that was shown has not been read: the label of a metric. */
export const bodyUnread = {
  media_type: "its content-type is of another kind than the path's API",
  coding_unknown: "its content-encoding is none of gzip, deflate, br and zstd",
  coding_broken: "it is not in the coding that its content-encoding names",
  inflate_late: "it could not be inflated by the answer's deadline",
  too_large: "a form above --body-limit",
  too_much:
    "more structure than is read: values, escapes or keys of JSON, or a form's delimiters, headers or parameters",
  form_broken: "a form without parts, or without the boundary between them",
  grpc_broken: "no gRPC frame, or no message that can be read in it",
  grpc_compressed: "a compressed gRPC message",
} as const;

export type BodyUnread = keyof typeof bodyUnread;

/** Why there is no plain body to pick on. */
export type NoBody = BodyUnread | InflateFault["code"];

/** What the headers say of the body. */
export interface BodyForm {
  readonly api: Api;
  readonly contentType: string;
  /** What must be undone before it can be read, in that order. */
  readonly codings: readonly Coding[];
  /** Why it is not even waited for; undefined where it is. */
  readonly unread: BodyUnread | undefined;
}

export const noBodyForm: BodyForm = Object.freeze({ api: "none", contentType: "", codings: [], unread: undefined });

const noCodings: readonly Coding[] = [];

/** `method` and the two content headers are "" where they are not known. */
export function bodyFormOf(path: string, method: string, contentType: string, contentEncoding: string): BodyForm {
  const isSent = method === "POST" || method === "";
  const api = isSent ? anyApiOfPath(path) : "none";
  if (api === "none") return noBodyForm;
  const codings = contentEncoding === "" ? noCodings : codingsOf(contentEncoding);
  if (codings === undefined) return { api, contentType, codings: noCodings, unread: "coding_unknown" };
  return { api, contentType, codings, unread: isOfItsType(api, contentType) ? undefined : "media_type" };
}

/** Of JSON any type is taken, since clients often send a wrong one; forms and gRPC do not work without theirs. */
function isOfItsType(api: Api, contentType: string): boolean {
  if (isFormApi(api)) return /^\s*multipart\/form-data\b/i.test(contentType);
  return !isGrpcApi(api) || /^\s*application\/grpc\b/i.test(contentType);
}

/**
 * `cut` says that the plain body is only the head of the message, `mayLackModel` that a JSON body without a model is no
 * fault. A prompt in the result is valid until the next call.
 */
export function readBody(
  { api, contentType }: BodyForm,
  body: Buffer,
  cut: boolean,
  mayLackModel?: true,
): InferenceRequest | BodyFault | { readonly unread: BodyUnread } {
  if (api === "none") return bodylessRequest;
  if (isFormApi(api)) return readForm(api, contentType, body, cut);
  if (isGrpcApi(api)) return readGrpc(api, body, cut);
  const read = parseBody(api, body, cut, mayLackModel);
  if ("code" in read && read.code === "too_much") return { unread: read.code };
  const isOther = "code" in read && read.code === "malformed_json" && !mayBeJson(contentType);
  return isOther ? { unread: "media_type" } : read;
}

/** Where the body last read names its model, or can; undefined where it cannot. */
export function placeOfModel(api: Api): ModelPlace | undefined {
  if (api === "none" || isGrpcApi(api)) return undefined;
  return isFormApi(api) ? formModelPlace() : modelPlace();
}

/** Tools that are given no type send that of a form, or of text. */
function mayBeJson(contentType: string): boolean {
  return contentType === "" || /json|^\s*text\/|x-www-form-urlencoded/i.test(contentType);
}

/** What a prompt leaves in a cache stands behind the recording or the image: it counts as load only. */
function readForm(api: FormApi, contentType: string, body: Buffer, cut: boolean) {
  const form = readMultipart(contentType, body, cut);
  if ("unread" in form) return form;
  const { model, session, stream, maxTokens, promptStart, promptEnd } = form;
  const promptBytes = promptEnd - promptStart;
  return { api, model, adapter: "", session, stream, maxTokens, promptBytes, prompt: null };
}

/** The protocol names neither a model nor a session. */
function readGrpc(api: GrpcApi, body: Buffer, cut: boolean) {
  const read = readGrpcRequest(api, body, cut);
  return "unread" in read ? read : { ...bodylessRequest, api, ...read };
}

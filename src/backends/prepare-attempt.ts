/**
 * What one attempt sends: from the client's request and the backend, the whole request of this attempt, or why there is
 * none. Pure: whatever attempt came before, and in whichever process, the result is the same.
 */
import { CredentialMissing } from "../credentials/credential.ts";
import { type BodyForm, bodyFormOf } from "../request/body-form.ts";
import type { Api } from "../request/inference-request.ts";
import {
  type ApiTranslation,
  type Asked,
  type JsonObject,
  type ProviderRequest,
  Untranslatable,
} from "../translators/translator.ts";
import type { Backend } from "./backend.ts";
import type { BackendBook } from "./backend-book.ts";
import { type AttemptRefusal, type AttemptRequest, nameAt, type Outgoing } from "./outgoing.ts";
import { leadsStraight } from "./outgoing-path.ts";
import { passed } from "./passed-request.ts";
import { readTree } from "./read-tree.ts";
import { AttemptHeaders, type HeaderChange } from "./set-headers.ts";

export interface PreparedAttempt {
  readonly headers: HeaderChange;
  /** In pieces; undefined where the body goes on as it came. */
  readonly body: readonly Buffer[] | undefined;
  readonly asked: Asked;
  /** Does the answer come back in another form? */
  readonly answer: ApiTranslation["answer"];
  /** Did the client not want to hear of the usage that the backend was asked for? */
  readonly hidesUsage: boolean;
  /** What the credential set, as it would stand in an error of the backend that quotes it. */
  readonly secrets: readonly string[];
}

export function isRefusal(prepared: PreparedAttempt | AttemptRefusal): prepared is AttemptRefusal {
  return "code" in prepared;
}

/** Can the attempt be made of the headers alone? `model` is "" when unknown. */
export function needsBody(backend: Backend, api: Api, model: string): boolean {
  const { translator, credential, models, asksForUsage } = backend;
  if (translator.translated[api] !== undefined || credential.signsBody) return true;
  if (translator.passed[api] === undefined || api === "none") return false;
  const mayRename = model === "" ? backend.model !== "" || models.size > 0 : nameAt(backend, model) !== model;
  return mayRename || asksForUsage;
}

/** Does the answer of this API come back in another form? */
export function translatesAnswer(backend: Backend, api: Api): boolean {
  return backend.translator.translated[api]?.answer !== undefined;
}

export function apiOf({ method, path, headers }: Pick<AttemptRequest, "method" | "path" | "headers">): Api {
  return formOf({ method, path, headers }).api;
}

export function prepareAttempt(
  book: BackendBook,
  backend: Backend,
  request: AttemptRequest,
): PreparedAttempt | AttemptRefusal {
  try {
    const outgoing = outgoingOf(backend, request, formOf(request));
    if ("code" in outgoing) return outgoing;
    // A client's own words may be in it, and Envoy takes no other bytes.
    if (/[^!-~]/.test(outgoing.path)) return { code: "untranslatable", param: "model" };
    return dressed(book, backend, request, outgoing);
  } catch (error) {
    if (error instanceof Untranslatable) return { code: "untranslatable", param: error.param, says: error.message };
    if (error instanceof CredentialMissing) return { code: "backend_credential_missing" };
    throw error;
  }
}

/** Of the body as it is here: its codings are undone. */
function formOf({ method, path, headers }: Pick<AttemptRequest, "method" | "path" | "headers">): BodyForm {
  return bodyFormOf(path, method, headers["content-type"] ?? "", "");
}

function outgoingOf(backend: Backend, request: AttemptRequest, form: BodyForm): Outgoing | AttemptRefusal {
  const { translator } = backend;
  if (!leadsStraight(request.path)) return { code: "unsupported_path" };
  const translation = translator.translated[form.api];
  if (translation !== undefined) return translated(backend, translation, request);
  if (translator.passed[form.api] !== undefined) return passed(backend, request, form);
  return { code: "unsupported_path" };
}

function translated(
  backend: Backend,
  translation: ApiTranslation,
  { path, body }: AttemptRequest,
): Outgoing | AttemptRefusal {
  if (body === undefined) return { code: "filter_mode_unfit" };
  const tree = readTree(body, backend.model !== "");
  if ("code" in tree) return tree;
  const { object, model: askedModel } = tree;
  const asked = { ...wishesOf(object), path, askedModel, model: nameAt(backend, askedModel) };
  const request = translation.request(object, asked, backend.options);
  const headers = declared(backend, request);
  const { answer } = translation;
  // What the translator leaves as it is gets the model's name all the same.
  const own = () => [Buffer.from(JSON.stringify({ ...object, model: asked.model }))];
  const pieces = request.body === undefined ? own() : [Buffer.from(JSON.stringify(request.body))];
  return { asked, path: request.path, body: pieces, headers, answer };
}

function wishesOf(object: JsonObject): Pick<Asked, "streams" | "wantsUsage" | "wantsBase64"> {
  const options = object["stream_options"];
  const told = typeof options === "object" && options !== null && !Array.isArray(options) ? options : {};
  return {
    streams: object["stream"] === true,
    wantsUsage: "include_usage" in told && told["include_usage"] === true,
    wantsBase64: object["encoding_format"] === "base64",
  };
}

/** What is not declared would not be removed where the next attempt goes elsewhere. */
function declared({ translator }: Backend, { headers = {}, body }: ProviderRequest): Record<string, string> {
  const stray = Object.keys(headers).find((name) => !translator.headerNames.includes(name));
  if (stray !== undefined) throw new Error(`the translator ${translator.name} sets ${stray} without declaring it`);
  return body === undefined ? headers : { "content-type": "application/json", ...headers };
}

/** The client's headers without what is nobody's business there, and the backend's own. */
function dressed(
  { settable }: BackendBook,
  backend: Backend,
  request: AttemptRequest,
  outgoing: Outgoing,
): PreparedAttempt {
  const { credential, pathPrefix, setHeaders, keepsAuthorization } = backend;
  const { method, contentEncoding, authorization } = request;
  const { body, asked, answer, hidesUsage = false } = outgoing;
  const host = backend.host || request.host;
  const path = `${pathPrefix}${outgoing.path}`;
  const pieces = body ?? (request.body === undefined ? [] : [request.body]);
  const { "content-length": _, "transfer-encoding": __, ...came } = request.headers;
  const headers = new AttemptHeaders(settable, came);
  headers.setAll(Object.entries(outgoing.headers));
  if (contentEncoding !== "") headers.set("content-encoding", contentEncoding);
  if (keepsAuthorization && authorization !== "") headers.set("authorization", authorization);
  headers.setAll(setHeaders);
  const signed = { method, host, path, headers: headers.outgoing(), body: pieces };
  const proof = credential.headersFor(signed);
  headers.setAll(Object.entries(proof));
  const length = lengthOf(request, pieces);
  if (length !== "") headers.set("content-length", length);
  headers.set(":path", path);
  if (host !== "") headers.set(":authority", host);
  const change = headers.change();
  // One that came is of another body, of the client's or of an earlier attempt.
  const removed = length === "" && request.body !== undefined ? [...change.removed, "content-length"] : change.removed;
  const secrets = Object.values(proof).map(bareSecret);
  return { headers: { ...change, removed }, body, asked, answer, hidesUsage, secrets };
}

/** Without the scheme before it. */
function bareSecret(value: string): string {
  return value.slice(value.indexOf(" ") + 1);
}

/** "" where it is not told: a request that ends with its headers has one only if it came with one. */
function lengthOf({ statesLength, body, headers }: AttemptRequest, pieces: readonly Buffer[]): string {
  const bytes = bytesIn(pieces);
  if (body === undefined || !statesLength) return "";
  return bytes > 0 || Object.hasOwn(headers, "content-length") ? String(bytes) : "";
}

function bytesIn(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

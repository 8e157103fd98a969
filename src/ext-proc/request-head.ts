/** What the headers of one request say that bears on the pick. */
import { type BodyForm, bodyFormOf, noBodyForm } from "../request/body-form.ts";
import { LONGEST_MODEL, listsModels, modelOfPath } from "../request/inference-request.ts";
import { isFormApi, isGrpcApi } from "../request/other-apis.ts";
import { noHints, type RouteHints } from "../routing/choose-pool.ts";
import { type ControlHeaders, noControl, readControl } from "./control-headers.ts";
import type { StreamMessage } from "./decode-message.ts";
import { headerValue } from "./header-map.ts";
import { routedPool, subsetHint } from "./read-metadata.ts";

/** A header that routing reads, by its lower-case name. */
export interface HintHeader {
  readonly name: string;
  readonly bytes: Buffer;
}

export class RequestHead {
  readonly form: BodyForm;
  readonly hints: RouteHints;
  readonly control: ControlHeaders;
  /** Those headers that the pod is not to see; the bits of control-names.ts. */
  readonly controlBits: number;
  /** Did the headers come without an x-request-id? */
  readonly lacksRequestId: boolean;
  /** Does the client want an answer only if the pod has cached what the prompt begins with (RFC 7240)? */
  readonly wantsCached: boolean;
  /** Did the client say how long the body is? */
  readonly hasLength: boolean;
  /** Kept until the pick: the model's headers are looked for only where the body does not name it. */
  #message: StreamMessage | undefined;

  /** Without a message: of a request whose headers were not shown. */
  constructor(message?: StreamMessage, wanted: readonly HintHeader[] = [], readsSubset = true) {
    this.#message = message;
    this.hints = message === undefined ? noHints : hintsOf(message, wanted, readsSubset);
    this.control = message === undefined ? noControl : readControl(message);
    this.controlBits = message?.controlBits ?? 0;
    this.hasLength = message !== undefined && message.contentLength >= 0;
    this.lacksRequestId = message?.hasRequestId === false;
    this.wantsCached = message !== undefined && message.prefer !== "" && IF_AVAILABLE.test(message.prefer);
    this.form =
      message === undefined
        ? noBodyForm
        : bodyFormOf(message.path, message.method, message.contentType, message.contentEncoding);
  }

  /** Is that all of the request, and the list of models what it wants? */
  get asksForModels(): boolean {
    const message = this.#message;
    return message?.endOfStream === true && message.method === "GET" && listsModels(message.path);
  }

  /** Is there a body that can be read, if it is shown? */
  get isReadable(): boolean {
    return this.form.api !== "none" && this.form.unread === undefined;
  }

  /** Does the body end in a brace, and so look complete before its end mark has come? */
  get isPlainJson(): boolean {
    const { api, codings } = this.form;
    return codings.length === 0 && !isFormApi(api) && !isGrpcApi(api);
  }

  /** The value of the first of these headers that has one; "" when none has, or after `forget`. */
  modelIn(names: readonly Buffer[]): string {
    if (this.#message === undefined) return "";
    for (const name of names) {
      const model = headerValue(this.#message, name);
      if (model !== "" && model.length <= LONGEST_MODEL) return model;
    }
    return "";
  }

  /** The pick is out: lets go of the message, whose bytes would stay as long as the stream. */
  forget(): void {
    this.#message = undefined;
  }
}

/** One of a list of preferences, alone or with parameters. */
const IF_AVAILABLE = /(?:^|,)\s*if-available\s*(?:[;,=]|$)/i;

/** What the route says of the pool beats what the client says. */
function hintsOf(message: StreamMessage, wanted: readonly HintHeader[], readsSubset: boolean): RouteHints {
  const pool = routedPool(message) || message.pool;
  const subset = readsSubset ? subsetHint(message) : undefined;
  const model = modelOfPath(message.path);
  const headers = wanted.length === 0 ? undefined : headersOf(message, wanted);
  if (headers !== undefined) return { pool, subset, model, headers };
  return pool === "" && subset === undefined && model === "" ? noHints : { pool, subset, model };
}

/** Those that came; undefined for none. */
function headersOf(message: StreamMessage, wanted: readonly HintHeader[]): Record<string, string> | undefined {
  let headers: Record<string, string> | undefined;
  for (const { name, bytes } of wanted) {
    const value = headerValue(message, bytes);
    if (value === "") continue;
    headers ??= {};
    headers[name] = value;
  }
  return headers;
}

/** What the headers of one attempt say: the backend it is made at, and the client's request as no attempt has changed it. */

import type { AttemptRequest } from "../backends/outgoing.ts";
import { apiOf } from "../backends/prepare-attempt.ts";
import { type HeaderChange, privateNames } from "../backends/set-headers.ts";
import type { Api } from "../request/inference-request.ts";
import { isModelName } from "../rewrite/model-name.ts";
import type { AttemptFlaw } from "./attempt-flaws.ts";
import type { StreamMessage } from "./decode-message.ts";
import { headersOf, headerValue } from "./header-map.ts";
import { keptOriginal, type OriginalRequest, originalIn } from "./original-request.ts";
import { backendName, envoyMinor } from "./read-metadata.ts";

const ATTEMPT_COUNT = Buffer.from("x-envoy-attempt-count");

export class AttemptHead {
  /** As the gateway names it; "" where it does not. */
  readonly backend: string;
  /** From 1 on; 0 where the gateway does not say. */
  readonly attempt: number;
  readonly original: OriginalRequest;
  /** Does no earlier phase say what the request was? Then these headers do, and are kept for the next attempt. */
  readonly isFirstToSee: boolean;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly api: Api;
  readonly endsHere: boolean;
  readonly contentLength: number;
  /** Of Envoy's version; NaN where it is not told. */
  readonly envoyMinor: number;

  /** `modelHeader` is what the router phase has told Envoy's routes the model by. */
  constructor(message: StreamMessage, modelHeader: string, payerHeader: Buffer | undefined) {
    const kept = keptOriginal(message);
    this.backend = backendName(message);
    this.headers = headersOf(message);
    const told = Buffer.from(this.headers[modelHeader] ?? "", "latin1").toString();
    // Whose authorization it is nobody knows here: an earlier attempt may have set it.
    this.original = kept ?? originalIn(message, isModelName(told) ? told : "", { authorization: false, payerHeader });
    this.isFirstToSee = kept === undefined;
    const attempt = Number(headerValue(message, ATTEMPT_COUNT));
    this.attempt = Number.isSafeInteger(attempt) && attempt > 0 ? attempt : 0;
    this.method = message.method;
    this.api = apiOf({ method: message.method, path: this.original.path, headers: this.headers });
    this.endsHere = message.endOfStream;
    this.contentLength = message.contentLength;
    this.envoyMinor = envoyMinor(message);
  }

  /** Has an earlier attempt perhaps changed what these headers are taken for? */
  get flaw(): AttemptFlaw | undefined {
    return this.isFirstToSee && this.attempt > 1 ? "original_lost" : undefined;
  }

  request(
    body: Buffer | undefined,
    { contentEncoding, statesLength }: Pick<AttemptRequest, "contentEncoding" | "statesLength">,
  ): AttemptRequest {
    const { method, headers, original } = this;
    const { path, host, authorization, model } = original;
    return { method, path, host, headers, authorization, contentEncoding, body, statesLength, model };
  }

  /** What another attempt may have set is taken back, and nothing is set for this one's backend but its host, if known. */
  undone(settable: readonly string[], ownHost = ""): HeaderChange {
    const { path, contentEncoding } = this.original;
    const host = ownHost || this.original.host;
    const set: (readonly [string, string])[] = [];
    if (!this.isFirstToSee) set.push([":path", path]);
    if (!this.isFirstToSee && host !== "") set.push([":authority", host]);
    if (contentEncoding !== "") set.push(["content-encoding", contentEncoding]);
    const names = new Set([...settable, ...privateNames(this.headers)]);
    const removed = [...names].filter((name) => !set.some(([each]) => each === name));
    // An earlier attempt may have sent a body of another length.
    return { set, removed: this.attempt === 1 ? removed : [...removed, "content-length"] };
  }
}

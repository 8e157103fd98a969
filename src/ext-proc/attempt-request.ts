/**
 * The request direction of one attempt, until its backend's own request is out.
 *
 * Phases:
 *   new       nothing has come
 *   awaiting  buffered: the headers are answered, and all that changes rides on the answer to the body
 *   holding   duplex: the headers wait for the end of the body, which then follows them
 *   inflating the body is there, compressed; the reply waits for its plain bytes
 *   passing   the request is out; whatever comes is sent on
 *   refused   an immediate response is out; whatever comes is dropped
 */

import type { Backend } from "../backends/backend.ts";
import type { BackendBook } from "../backends/backend-book.ts";
import type { AttemptRefusal } from "../backends/outgoing.ts";
import { isRefusal, needsBody, type PreparedAttempt, prepareAttempt } from "../backends/prepare-attempt.ts";
import type { HeaderChange } from "../backends/set-headers.ts";
import type { NoBody } from "../request/body-form.ts";
import { type Coding, codingsOf } from "../request/inflate-codings.ts";
import type { AttemptHead } from "./attempt-head.ts";
import type { FilterMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import { encodeAttempt } from "./encode-attempt.ts";
import { attemptRefusalReply } from "./encode-immediate.ts";
import { proceed } from "./encode-reply.ts";
import { HeldBody } from "./held-body.ts";
import { originalMetadata } from "./original-request.ts";
import { passBody } from "./pass-body.ts";
import type { WorkParts } from "./stream-work.ts";

type Phase = "new" | "awaiting" | "holding" | "inflating" | "passing" | "refused";

/** Whom the request is for. */
export interface Destination {
  readonly book: BackendBook;
  readonly backend: Backend;
  readonly head: AttemptHead;
}

const EMPTY: Buffer = Buffer.alloc(0);
const noCodings: readonly Coding[] = [];

/** Why there are no plain bytes -> what the client is told. */
const unreadCodes: Partial<Record<NoBody, AttemptRefusal["code"]>> = {
  body_too_large: "body_too_large",
  buffer_full: "overloaded",
  inflate_late: "overloaded",
};

export class AttemptRequestSide {
  readonly #parts: WorkParts;
  readonly #mode: FilterMode;
  readonly #body: HeldBody;
  /** Undefined where the request goes on as it came. */
  #to: Destination | undefined;
  #phase: Phase = "new";
  #ended = false;
  #hasTrailers = false;
  /** What went out; undefined before, and where nothing was changed. */
  prepared: PreparedAttempt | undefined;
  /** Why a request without body and key went out instead; undefined where none did. */
  withheld: AttemptRefusal | undefined;

  constructor(parts: WorkParts, mode: FilterMode) {
    this.#parts = parts;
    this.#mode = mode;
    this.#body = new HeldBody(parts.host);
  }

  get isAnswered(): boolean {
    return this.#phase === "passing" || this.#phase === "refused";
  }

  /** Is the request out as a whole? */
  get settled(): boolean {
    return this.#phase === "passing" && (this.#ended || this.#mode.request === "none");
  }

  get isNew(): boolean {
    return this.#phase === "new";
  }

  /** The request goes on, with nothing but its headers changed, if those. */
  goOn(reply: Buffer, endsHere: boolean): void {
    this.#ended = endsHere;
    this.#phase = "passing";
    this.#parts.port.send(reply);
  }

  /** Its headers were never shown: each message is answered for itself. */
  goOnUnseen(): void {
    this.#phase = "passing";
  }

  /** `backend` is the name where no destination has been given yet. */
  refuse(refusal: AttemptRefusal, backend = ""): void {
    const { port, host } = this.#parts;
    this.#phase = "refused";
    this.#body.release();
    port.send(attemptRefusalReply(refusal));
    host.events.attemptRefused(refusal.code, this.#to?.backend.name ?? backend);
  }

  /** False where the filter does not show the body that the backend's request is to be made of. */
  start(to: Destination): boolean {
    const { backend, head } = to;
    const { request } = this.#mode;
    this.#to = to;
    this.#ended = head.endsHere;
    if (head.endsHere) this.#prepare(EMPTY, "requestHeaders");
    else if (request === "buffered") this.#await(head.contentLength);
    else if (request === "duplex") this.#phase = "holding";
    else if (needsBody(backend, head.api, head.original.model)) return false;
    else this.#prepare(undefined, "requestHeaders");
    return true;
  }

  onBody(message: StreamMessage): void {
    const body = message.body();
    // Envoy has been seen to repeat a duplex body's end mark: the first one counts.
    const isRepeated = this.#ended && this.#mode.request === "duplex" && body.length === 0;
    this.#ended ||= message.endOfStream;
    if (this.#phase === "awaiting") this.#take(body);
    else if (this.#phase === "holding") this.#hold(body);
    else if (this.#phase === "passing" && !isRepeated)
      passBody(this.#parts.port, "requestBody", this.#mode.request, body, message.endOfStream);
  }

  onTrailers(): void {
    this.#ended = this.#hasTrailers = true;
    if (this.#phase === "holding") this.#complete(this.#body.contiguous(), "requestHeaders");
    // The headers went out unchanged, and there is no body whose answer could change them.
    else if (this.#phase === "awaiting") this.refuse({ code: "malformed_json" });
    if (this.#phase === "passing") this.#parts.port.send(proceed.requestTrailers);
  }

  release(): void {
    this.#body.release();
  }

  /** Envoy collects the body, and sends it in one piece. */
  #await(contentLength: number): void {
    if (this.#body.reserve(Math.max(contentLength, 0)) === "kept") {
      this.#phase = "awaiting";
      this.#parts.port.send(proceed.requestHeaders);
    } else this.refuse({ code: "overloaded" });
  }

  #take(body: Buffer): void {
    if (body.length > this.#parts.host.settings.bodyLimitBytes) this.refuse({ code: "body_too_large" });
    else if (!this.#body.covers(body.length)) this.refuse({ code: "overloaded" });
    else this.#complete(body, "requestBody");
  }

  #hold(body: Buffer): void {
    if (!this.#body.add(body)) this.refuse({ code: "overloaded" });
    else if (this.#body.bytes > this.#parts.host.settings.bodyLimitBytes) this.refuse({ code: "body_too_large" });
    else if (this.#ended) this.#complete(this.#body.contiguous(), "requestHeaders");
  }

  /** The body is whole. What is compressed is sent on plain: no provider is known to read anything else. */
  #complete(body: Buffer, on: "requestHeaders" | "requestBody"): void {
    const { head } = this.#to ?? {};
    const encoding = head?.original.contentEncoding ?? "";
    const codings = head?.api === "none" || encoding === "" ? noCodings : codingsOf(encoding);
    if (codings === undefined) this.refuse({ code: "body_unreadable" });
    else if (codings.length === 0) this.#prepare(body, on);
    else this.#inflate(codings, body, on);
  }

  #inflate(codings: readonly Coding[], body: Buffer, on: "requestHeaders" | "requestBody"): void {
    const { host, guarded } = this.#parts;
    const dueAtMs = host.now() + host.settings.silenceMs;
    const inflated = (plain: Buffer | NoBody) => this.#inflated(plain, on);
    const plain = this.#body.plain({ codings, body, cut: false }, dueAtMs, (later) => guarded(() => inflated(later)));
    if (plain === undefined) this.#phase = "inflating";
    else inflated(plain);
  }

  #inflated(plain: Buffer | NoBody, on: "requestHeaders" | "requestBody"): void {
    const wasAwaited = this.#phase === "inflating";
    if (typeof plain === "string") this.refuse({ code: unreadCodes[plain] ?? "body_unreadable" });
    else this.#prepare(plain, on, true);
    // They came meanwhile, and were not answered.
    if (wasAwaited && this.#hasTrailers && this.#phase === "passing") this.#parts.port.send(proceed.requestTrailers);
  }

  /** `body` is undefined where the filter shows none; `isInflated` says that it is not what Envoy has. */
  #prepare(body: Buffer | undefined, on: "requestHeaders" | "requestBody", isInflated = false): void {
    if (this.#to === undefined) return;
    const { book, backend, head } = this.#to;
    const kept = isInflated ? "" : head.original.contentEncoding;
    const statesLength = this.#mode.request === "buffered" && !this.#hasTrailers && this.#ended;
    const prepared = prepareAttempt(book, backend, head.request(body, { contentEncoding: kept, statesLength }));
    if (isRefusal(prepared)) {
      if (prepared.code === "backend_credential_missing" && this.#mode.response !== "none")
        this.#withhold(prepared, on);
      else this.refuse(prepared);
      return;
    }
    const pieces = prepared.body ?? (isInflated && body !== undefined ? [body] : undefined);
    this.prepared = prepared;
    this.#send(prepared, pieces, on);
    this.#phase = "passing";
    this.#body.release();
    this.#parts.host.events.attemptMade(backend.name, head.attempt);
    this.#tellUnread(backend, prepared);
  }

  /** Of an answer that nobody here is shown, the client reads the backend's name for the model, and nothing is counted. */
  #tellUnread({ name }: Backend, { asked, hidesUsage }: PreparedAttempt): void {
    const { host, port } = this.#parts;
    const isRenamed = asked.askedModel !== "" && asked.model !== asked.askedModel;
    if (this.#mode.response !== "none" || !(isRenamed || hidesUsage || host.costs.length > 0)) return;
    host.events.attemptUnfit("answer_unread", name, port.peer());
  }

  /** Another backend may have its key: where the answer can be made a failure, Envoy goes on to that one. */
  #withhold(refusal: AttemptRefusal, on: "requestHeaders" | "requestBody"): void {
    const { port, host } = this.#parts;
    if (this.#to === undefined) return;
    const { book, backend, head } = this.#to;
    const bare = head.undone(book.settable, backend.host);
    this.withheld = refusal;
    this.#phase = "passing";
    this.#body.release();
    port.send(
      encodeAttempt(
        on,
        on === "requestBody" ? bodyless(bare) : bare,
        on === "requestBody" ? [] : undefined,
        this.#tail(),
      ),
    );
    if (this.#mode.request === "duplex" && !head.endsHere)
      passBody(port, "requestBody", "duplex", EMPTY, !this.#hasTrailers);
    host.events.attemptRefused(refusal.code, backend.name);
  }

  /** What the request was is kept for the next attempt, where no phase before this one has. */
  #tail(): readonly Buffer[] {
    const { head } = this.#to ?? {};
    return head?.isFirstToSee === true ? [originalMetadata(head.original)] : [];
  }

  /** `pieces` is undefined where the body goes on as it came. */
  #send(
    { headers }: PreparedAttempt,
    pieces: readonly Buffer[] | undefined,
    on: "requestHeaders" | "requestBody",
  ): void {
    const { port } = this.#parts;
    port.send(encodeAttempt(on, headers, on === "requestBody" ? pieces : undefined, this.#tail()));
    if (this.#mode.request !== "duplex" || this.#to?.head.endsHere === true) return;
    // What came is one whole body: its last piece is its end, but where trailers are.
    const all = pieces ?? this.#body.chunks;
    const last = Math.max(all.length - 1, 0);
    for (let at = 0; at <= last; at++)
      passBody(port, "requestBody", "duplex", all[at] ?? EMPTY, !this.#hasTrailers && at === last);
  }
}

function bodyless({ set, removed }: HeaderChange): HeaderChange {
  return { set: [...set, ["content-length", "0"]], removed: removed.filter((name) => name !== "content-length") };
}

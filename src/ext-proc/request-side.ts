/**
 * The request direction of one stream, from the first headers to the pick and the rest of the body.
 *
 * Phases:
 *   new       nothing has come
 *   guessing  headers came without a stated mode; a body chunk before our reply would mean duplex
 *   holding   the filter lets the body come before our headers reply (duplex, early streamed): the reply waits for its end
 *   awaiting  buffered: the headers are answered, the pick rides on the answer to the body
 *   inflating the body is there, compressed; the reply waits for its plain bytes
 *   passing   the pick is out; whatever comes is sent on
 *   refused   an immediate response is out; whatever comes is dropped
 *   over      the stream has ended
 */
import { randomUUID } from "node:crypto";
import type { NoBody } from "../request/body-form.ts";
import type { PickReason } from "../routing/decision.ts";
import type { Answer } from "./answer.ts";
import { assumedMode, type FilterMode, seesBodyFirst } from "./body-mode.ts";
import type { Held } from "./deadlines.ts";
import type { StreamMessage } from "./decode-message.ts";
import type { PickReply } from "./destination-header.ts";
import { proceed } from "./encode-reply.ts";
import { headerValue } from "./header-map.ts";
import { HeldBody } from "./held-body.ts";
import { RequestHead } from "./request-head.ts";
import type { RouteAnswer } from "./route-answer.ts";
import type { StreamHost, StreamPort } from "./stream-host.ts";
import type { WorkParts } from "./stream-work.ts";

type Phase = "new" | "guessing" | "holding" | "awaiting" | "inflating" | "passing" | "refused" | "over";

const REQUEST_ID = Buffer.from("x-request-id");

export class RequestSide<A extends Answer | RouteAnswer = Answer> {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  readonly #held: Held;
  readonly #guarded: (work: () => void) => void;
  readonly #body: HeldBody;
  readonly answer: A;
  #phase: Phase = "new";
  mode: FilterMode = assumedMode("buffered");
  /** Was the mode stated, told by an option, or shown by what came? */
  modeKnown = false;
  /** Has the last byte of the request come? */
  ended = false;
  /** Do trailers end it, not its body? */
  #hasTrailers = false;
  /** What the pick rides on after the inflation. */
  #replyOn: keyof PickReply = "onHeaders";
  /** When a held reply is due. */
  dueAtMs = 0;

  /** `answer` is what goes back: a pick, or a route. */
  constructor({ port, host, held, guarded }: WorkParts, answer: A) {
    this.#port = port;
    this.#host = host;
    this.#held = held;
    this.#guarded = guarded;
    this.#body = new HeldBody(host);
    this.answer = answer;
  }

  /** False when the peer breaks the protocol. `stated` is the mode that the stream's first message stated. */
  onHeaders(message: StreamMessage, stated: FilterMode | undefined): boolean {
    if (this.#phase !== "new") return false;
    const { settings, openStreams, events } = this.#host;
    const { answer } = this;
    answer.startedAtMs = this.#host.now();
    answer.head = new RequestHead(message, settings.hintHeaders, !settings.ignoresSubset);
    answer.replies.areUnread = message.observability;
    answer.open(message);
    if (answer.head.lacksRequestId) answer.requestId = randomUUID();
    else if (events.wantsRequestId || answer.trace !== undefined || settings.strategyHeader !== undefined)
      answer.requestId = headerValue(message, REQUEST_ID);
    this.ended = message.endOfStream;
    const mode = stated ?? this.#unstatedMode();
    if (mode !== undefined) this.know(mode);
    if (answer.comesTooLate(message)) this.#letPass();
    else if (openStreams.size > settings.streamLimit) this.#settle(this.answer.refuse("overloaded"));
    else if (answer.head.asksForModels && answer.listModels()) this.#drop();
    else if (message.endOfStream) this.#pick("no_prompt", "onHeaders");
    else if (message.contentLength > settings.bodyLimitBytes && answer.head.isReadable && seesBodyFirst(this.mode))
      this.#pickOn("body_too_large", "onHeaders");
    else if (mode === undefined) this.#hold("guessing", settings.guessMs);
    else this.#startBody(message.contentLength);
    return true;
  }

  /** The pod is chosen already, and some Envoys wait for ever where a filter behind the choice refuses: nothing is said. */
  #letPass(): void {
    this.#host.events.askedAfterChoice(this.#port.peer());
    this.answer.goOn();
    this.#phase = "passing";
  }

  know(mode: FilterMode): void {
    this.mode = mode;
    this.modeKnown = true;
  }

  onBody(message: StreamMessage): void {
    if (this.#phase === "new") this.#startWithoutHeaders(message.observability);
    if (this.#phase === "guessing") this.#stopGuessing("duplex");
    // Envoy has been seen to repeat a duplex body's end mark: the first one counts.
    const repeatedEnd = this.ended && this.mode.request === "duplex" && message.start === message.end;
    // Nothing more was to come: what did cannot wait.
    if (this.#phase === "inflating" && !repeatedEnd) this.#body.giveUp();
    this.ended ||= message.endOfStream;
    if (this.#phase === "holding") this.#holdChunk(message);
    else if (this.#phase === "awaiting") this.#answerBody(message);
    else if (this.#phase === "passing" && !repeatedEnd)
      this.answer.replies.pass(this.mode.request, message.body(), message.endOfStream);
    if (this.ended && this.#phase === "passing") this.#letBodyGo();
  }

  onTrailers(): void {
    this.ended = this.#hasTrailers = true;
    if (this.#phase === "guessing") this.#pick("no_prompt", "onHeaders");
    if (this.#phase === "holding") this.#answerHeld("trailers");
    // Without a body the pod named with the headers is the one.
    if (this.#phase === "awaiting" && this.answer.awaitsModel) this.#settle(this.answer.refuseBodyless());
    else if (this.#phase === "awaiting") this.answer.settleProvisional();
    if (this.#phase !== "refused" && this.#phase !== "inflating") this.answer.replies.send(proceed.requestTrailers);
  }

  /** A held reply is due: pick with what has been seen. */
  onDue(): void {
    if (this.#phase === "guessing") this.#stopGuessing("buffered");
    else if (this.#phase === "holding") this.#answerHeld("due");
  }

  /** A fault of our own before the answer: name some pod, and send on what is held. */
  failOpen(): void {
    if (this.#phase === "holding") this.#answerHeld("fault");
    else if (this.#phase === "inflating") this.#answerInflated("fault", false);
    else this.#pick("fault", this.#phase === "awaiting" ? "onBody" : "onHeaders");
  }

  /** Is the pick out and the request complete, so that Envoy needs nothing more for this direction? */
  get settled(): boolean {
    return this.#phase === "passing" && this.#body.chunks.length === 0 && (this.ended || this.mode.request === "none");
  }

  /**
   * At the stream's end. A filter that buffers sends every body, an empty one too: where none came, nor any of the
   * answer, the client has left. One that states no mode may never send any.
   */
  release(isResponseSeen: boolean): void {
    if (this.#phase === "awaiting" && this.mode.stated && !isResponseSeen) this.answer.dropProvisional();
    else this.answer.settleProvisional();
    this.#phase = "over";
    this.#letBodyGo();
  }

  #unstatedMode(): FilterMode | undefined {
    // Envoy states no mode to a filter that only watches; there is nothing to get wrong.
    if (this.answer.shadow) return assumedMode("streamed");
    this.#host.events.modeUnstated(this.#port.peer());
    const { assumedMode: assumed } = this.#host.settings;
    return assumed === "auto" ? undefined : assumedMode(assumed);
  }

  /** The filter skips the headers (request_header_mode): path and mode are unknown, load decides. */
  #startWithoutHeaders(isWatched: boolean): void {
    this.#host.events.headersUnseen();
    this.answer.startedAtMs = this.#host.now();
    this.answer.replies.areUnread = isWatched;
    if (isWatched) this.#hold("holding", this.#host.settings.silenceMs);
    else this.#phase = this.mode.request.startsWith("buffered") ? "awaiting" : "passing";
  }

  /** The headers are known, a body follows: answer, hold or let Envoy buffer. */
  #startBody(contentLength: number): void {
    const { answerDeadlineMs, silenceMs } = this.#host.settings;
    const { form } = this.answer.head;
    const unseen = this.answer.shadow ? this.mode.request === "none" : !seesBodyFirst(this.mode);
    if (unseen) this.#settle(this.answer.pickUnseen(this.mode.request));
    else if (form.api === "none") this.#pick("no_prompt", "onHeaders");
    else if (form.unread !== undefined) this.#pickOn(form.unread, "onHeaders");
    else if (this.mode.request === "duplex" || this.answer.shadow) this.#hold("holding", silenceMs);
    else if (this.mode.early) this.#hold("holding", answerDeadlineMs);
    else this.#awaitBody(contentLength);
  }

  /**
   * Envoy collects the body; what it announces is reserved, since it will come in one piece. Where it announces nothing
   * no body may come at all, and in an assumed mode the answer to it may change nothing: a pod is named at once.
   */
  #awaitBody(contentLength: number): void {
    const reserved = this.#body.reserve(Math.max(contentLength, 0));
    if (reserved === "refused") this.#settle(this.answer.refuse("overloaded"));
    else if (reserved === "over") this.#pick("buffer_full", "onHeaders");
    else if (contentLength > 0 && this.mode.stated) {
      this.#phase = "awaiting";
      this.answer.replies.send(proceed.requestHeaders);
    } else if (this.answer.nameProvisionally()) this.#phase = "awaiting";
    else this.#drop();
  }

  #hold(phase: "guessing" | "holding", waitMs: number): void {
    this.#phase = phase;
    this.dueAtMs = this.#host.now() + waitMs;
    this.#host.deadlines.add(this.#held);
  }

  #stopGuessing(mode: "buffered" | "duplex"): void {
    this.#host.deadlines.delete(this.#held);
    this.know(assumedMode(mode));
    this.#startBody(-1);
  }

  #holdChunk(message: StreamMessage): void {
    const { settings } = this.#host;
    const body = this.#body;
    const kept = body.add(message.body());
    if (!kept) this.#answerHeld("buffer_full");
    else if (body.bytes > settings.bodyLimitBytes) this.#answerHeld("body_too_large");
    else if (message.endOfStream) this.#answerHeld("end");
    else if (this.mode.request === "duplex") {
      // Only silence counts here: a short one where the JSON looks complete and just its end mark is missing.
      const looksComplete = this.answer.head.isPlainJson && body.looksComplete();
      this.dueAtMs = this.#host.now() + (looksComplete ? settings.answerDeadlineMs : settings.silenceMs);
    }
  }

  /** Buffered: this message is the body, whole or cut at Envoy's limit. */
  #answerBody(message: StreamMessage): void {
    const body = message.body();
    const cut = !message.endOfStream && (this.mode.request === "buffered_partial" || !this.mode.stated);
    if (body.length > this.#host.settings.bodyLimitBytes) this.#pickOn("body_too_large", "onBody");
    else if (!this.#body.covers(body.length)) this.#pickOn("buffer_full", "onBody");
    else this.#readBody(body, cut, "onBody", message.endOfStream || this.mode.stated);
    this.#sendHeld();
  }

  /** The held body is complete, due, or more than may be held: pick, answer the headers, send on what was held. */
  #answerHeld(why: "end" | "trailers" | "due" | "buffer_full" | "body_too_large" | "fault"): void {
    if (why === "fault") this.#pick("fault", "onHeaders");
    else if (why === "buffer_full" || why === "body_too_large") this.#pickOn(why, "onHeaders");
    // Trailers end the request: behind them no body can be that was not seen.
    else if (this.#body.chunks.length === 0 && why === "trailers") this.#pick("no_prompt", "onHeaders");
    else if (this.#body.chunks.length === 0) this.#settle(this.answer.pickUnseen(this.mode.request));
    else this.#readBody(this.#body.contiguous(), why === "due", "onHeaders", why !== "due");
    this.#sendHeld();
  }

  /** Where the body is compressed the pick may come later, if it may wait. */
  #readBody(body: Buffer, cut: boolean, on: keyof PickReply, mayWait: boolean): void {
    // Envoy's clock has run since the headers where these wait in a mode that it gives no time for.
    const since = on === "onHeaders" && this.mode.early ? this.answer.startedAtMs : this.#host.now();
    const dueAtMs = mayWait ? since + this.#host.settings.answerDeadlineMs : undefined;
    const plain = this.#body.plain({ codings: this.answer.head.form.codings, body, cut }, dueAtMs, (later) =>
      this.#guarded(() => this.#answerInflated(later, cut)),
    );
    if (plain !== undefined) this.#pickOn(plain, on, cut);
    else {
      this.#host.deadlines.delete(this.#held);
      this.#phase = "inflating";
      this.#replyOn = on;
    }
  }

  #answerInflated(plain: Buffer | NoBody | "fault", cut: boolean): void {
    if (plain === "fault") this.#pick(plain, this.#replyOn);
    else this.#pickOn(plain, this.#replyOn, cut);
    this.#sendHeld();
    if (this.#hasTrailers && this.#phase === "passing") this.answer.replies.send(proceed.requestTrailers);
  }

  /** Once the pick is out, what was held follows, if anything was. */
  #sendHeld(): void {
    if (this.#phase !== "passing") return;
    this.answer.replies.passAll(this.mode.request, this.#body.chunks, this.ended && !this.#hasTrailers);
    this.#letBodyGo();
  }

  /** Picks on the plain body, or for the reason that there is none. */
  #pickOn(plain: Buffer | NoBody, on: keyof PickReply, cut = false): void {
    this.#settle(this.answer.pickOn(plain, on, cut));
  }

  #pick(reason: PickReason, on: keyof PickReply): void {
    this.#settle(this.answer.pick(reason, on));
  }

  #settle(isPicked: boolean): void {
    this.#host.deadlines.delete(this.#held);
    if (isPicked) this.#phase = "passing";
    else this.#drop();
  }

  /** An immediate response is out: nothing of the request is needed any more. */
  #drop(): void {
    this.#phase = "refused";
    this.#letBodyGo();
  }

  #letBodyGo(): void {
    this.#host.deadlines.delete(this.#held);
    this.#body.release();
  }
}

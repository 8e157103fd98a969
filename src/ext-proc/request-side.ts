/**
 * The request direction of one stream, from the first headers to the pick and the rest of the body.
 *
 * Phases:
 *   new       nothing has come
 *   guessing  headers came without a stated mode; a body chunk before our reply would mean duplex
 *   holding   the filter lets the body come before our headers reply (duplex, early streamed): the reply waits for its end
 *   awaiting  buffered: the headers are answered, the pick rides on the answer to the body
 *   passing   the pick is out; whatever comes is sent on
 *   refused   an immediate response is out; whatever comes is dropped
 *   over      the stream has ended
 */
import type { Ticket } from "../accounting/in-flight.ts";
import type { ErrorCode } from "../errors.ts";
import { BodyBuffer } from "../request/body-buffer.ts";
import { type Api, apiOfPath } from "../request/inference-request.ts";
import type { PickReason } from "../routing/decision.ts";
import { assumedMode, type FilterMode, seesBodyFirst, statedMode } from "./body-mode.ts";
import { decide, learn } from "./decide.ts";
import type { StreamMessage } from "./decode-message.ts";
import { immediateReply, type PickReply, proceed } from "./encode-reply.ts";
import { passBody } from "./pass-body.ts";
import type { StreamHost, StreamPort } from "./stream-host.ts";

type Phase = "new" | "guessing" | "holding" | "awaiting" | "passing" | "refused" | "over";

export class RequestSide {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  #phase: Phase = "new";
  mode: FilterMode = assumedMode("buffered");
  #api: Api = "none";
  #shadow = false;
  #body: BodyBuffer | undefined;
  #startedAtMs = 0;
  ticket: Ticket | undefined;
  /** Is a pick or an immediate response out? */
  answered = false;
  /** When the pick went out last. */
  answeredAtMs = 0;
  /** Has the last byte of the request come? */
  ended = false;
  /** When a held reply is due; read by Deadlines. */
  dueAtMs = 0;

  constructor(port: StreamPort, host: StreamHost) {
    this.#port = port;
    this.#host = host;
  }

  /** False when the peer breaks the protocol. */
  onHeaders(message: StreamMessage): boolean {
    if (this.#phase !== "new") return false;
    const { settings, openStreams } = this.#host;
    this.#startedAtMs = this.#host.now();
    this.#api = apiOfPath(message.path);
    this.#shadow = message.observability;
    this.ended = message.endOfStream;
    const mode = statedMode(message) ?? this.#unstatedMode();
    if (mode !== undefined) this.mode = mode;
    if (openStreams.size > settings.streamLimit) this.#refuse("overloaded");
    else if (message.endOfStream) this.#pick("no_prompt", "onHeaders");
    else if (message.contentLength > settings.bodyLimitBytes && this.#wantsBody()) this.#refuse("body_too_large");
    else if (mode === undefined) this.#hold("guessing", settings.guessMs);
    else this.#startBody();
    return true;
  }

  /** False when the peer breaks the protocol. */
  onBody(message: StreamMessage): boolean {
    if (this.#phase === "new") return false;
    if (this.#phase === "guessing") this.#learnDuplex();
    // Envoy has been seen to repeat a duplex body's end mark: the first one counts.
    const repeatedEnd = this.ended && this.mode.request === "duplex" && message.start === message.end;
    this.ended ||= message.endOfStream;
    if (this.#phase === "holding") this.#holdChunk(message);
    else if (this.#phase === "awaiting") this.#answerBody(message);
    else if (this.#phase === "passing" && !repeatedEnd) {
      this.#pass(message.body(), message.endOfStream);
    }
    return true;
  }

  onTrailers(): void {
    this.ended = true;
    if (this.#phase === "guessing") this.#stopGuessing();
    if (this.#phase === "holding") this.#answerHeld("trailers");
    if (this.#phase === "passing" || this.#phase === "awaiting") this.#send(proceed.requestTrailers);
  }

  /** A held reply is due: pick with what has been seen. */
  onDue(): void {
    if (this.#phase === "guessing") this.#stopGuessing();
    else if (this.#phase === "holding") this.#answerHeld("due");
  }

  /** A fault of our own before the answer: name some pod. False when not even that works. */
  failOpen(): boolean {
    this.#pick("fault", this.#phase === "awaiting" ? "onBody" : "onHeaders");
    return this.answered;
  }

  /** Is the pick out and the request complete, so that Envoy needs nothing more for this direction? */
  get settled(): boolean {
    return this.#phase === "passing" && (this.ended || this.mode.request === "none");
  }

  release(): void {
    this.#host.deadlines.delete(this);
    this.#body?.release();
    this.#phase = "over";
  }

  #unstatedMode(): FilterMode | undefined {
    const { assumedMode: assumed } = this.#host.settings;
    const peer = this.#port.peer();
    this.#host.events.modeUnstated(peer);
    if (assumed !== "auto") return assumedMode(assumed);
    return this.#host.duplexPeers.has(peer) ? assumedMode("duplex") : undefined;
  }

  /** The headers are known, a body follows: answer, hold or let Envoy buffer. */
  #startBody(): void {
    const { answerDeadlineMs, silenceMs } = this.#host.settings;
    const unseen = this.#shadow ? this.mode.request === "none" : !seesBodyFirst(this.mode);
    if (unseen) this.#pickUnseen();
    else if (this.#api === "none") this.#pick("no_prompt", "onHeaders");
    else if (this.mode.request === "duplex" || this.#shadow) this.#hold("holding", silenceMs);
    else if (this.mode.early) this.#hold("holding", answerDeadlineMs);
    else {
      // Where the mode is only assumed the headers may be all we can change: name a pod now, and again on the body.
      if (this.mode.stated) this.#send(proceed.requestHeaders);
      else this.#pickUnseen();
      if (this.#phase !== "refused") this.#phase = "awaiting";
    }
  }

  #wantsBody(): boolean {
    return this.#api !== "none" && seesBodyFirst(this.mode);
  }

  #hold(phase: "guessing" | "holding", waitMs: number): void {
    this.#phase = phase;
    this.dueAtMs = this.#host.now() + waitMs;
    this.#host.deadlines.add(this);
  }

  #learnDuplex(): void {
    this.#host.duplexPeers.add(this.#port.peer());
    this.mode = assumedMode("duplex");
    this.#host.deadlines.delete(this);
    this.#startBody();
  }

  #stopGuessing(): void {
    this.#host.deadlines.delete(this);
    this.mode = assumedMode("buffered");
    this.#startBody();
  }

  #holdChunk(message: StreamMessage): void {
    const { settings } = this.#host;
    this.#body ??= new BodyBuffer(this.#host.budget);
    const body = this.#body;
    const kept = body.add(message.body());
    if (!kept) this.#answerHeld("full");
    else if (body.bytes > settings.bodyLimitBytes) this.#refuse("body_too_large");
    else if (message.endOfStream) this.#answerHeld("end");
    else if (this.mode.request === "duplex") {
      // Only silence counts here: a short one where the JSON looks complete and just its end mark is missing.
      this.dueAtMs = this.#host.now() + (body.looksComplete() ? settings.answerDeadlineMs : settings.silenceMs);
    }
  }

  /** Buffered: this message is the body, whole or cut at Envoy's limit. */
  #answerBody(message: StreamMessage): void {
    const body = message.body();
    const { settings, budget } = this.#host;
    const cut = !message.endOfStream && (this.mode.request === "buffered_partial" || !this.mode.stated);
    if (body.length > settings.bodyLimitBytes) this.#refuse("body_too_large");
    else if (budget.usedBytes + body.length > budget.limitBytes) this.#pick("buffer_full", "onBody");
    else this.#pick("scored", "onBody", body, cut);
  }

  /** The held body is complete, due, or more than may be held: pick, answer the headers, send on what was held. */
  #answerHeld(why: "end" | "trailers" | "due" | "full"): void {
    const chunks = this.#body?.chunks ?? [];
    if (why === "full") this.#pick("buffer_full", "onHeaders");
    else if (chunks.length === 0) this.#pickUnseen();
    else this.#pick("scored", "onHeaders", this.#body?.contiguous(), why === "due");
    if (this.#phase !== "passing") return;
    const last = chunks.length - 1;
    const endsHere = this.ended && why !== "trailers";
    for (const [at, chunk] of chunks.entries()) this.#pass(chunk, endsHere && at === last);
    this.#letBodyGo();
  }

  #pickUnseen(): void {
    if (this.#api !== "none") this.#host.events.bodyUnseen(this.mode.request);
    this.#pick(this.#api === "none" ? "no_prompt" : "body_unseen", "onHeaders");
  }

  #pick(reason: PickReason, answer: keyof PickReply, body?: Buffer, cut = false): void {
    const host = this.#host;
    const decision = decide(host, this.#api, reason, body, cut);
    if (decision.kind === "refused") {
      this.#refuse(decision.code);
      return;
    }
    this.#phase = "passing";
    this.answered = true;
    host.deadlines.delete(this);
    if (!this.#shadow) {
      if (this.ticket !== undefined) host.inFlight.close(this.ticket);
      this.ticket = host.inFlight.open(decision.pod);
      this.#send(host.replies.of(decision.pod)[answer]);
      if (decision.reason === "scored" || decision.reason === "body_cut") learn(host, decision);
    }
    this.answeredAtMs = host.now();
    host.events.picked(decision, this.answeredAtMs - this.#startedAtMs, this.#shadow);
  }

  #refuse(code: ErrorCode): void {
    if (!this.#shadow) this.#send(immediateReply(code));
    this.#phase = "refused";
    this.answered = true;
    this.#host.events.refused(code);
    this.#letBodyGo();
  }

  #letBodyGo(): void {
    this.#host.deadlines.delete(this);
    this.#body?.release();
    this.#body = undefined;
  }

  #pass(body: Buffer, end: boolean): void {
    if (!this.#shadow) passBody(this.#port, "requestBody", this.mode.request, body, end);
  }

  /** In observability mode Envoy reads no replies. */
  #send(reply: Buffer): void {
    if (!this.#shadow) this.#port.send(reply);
  }
}

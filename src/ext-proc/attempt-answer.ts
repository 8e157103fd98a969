/**
 * The answer direction of one attempt: as it came, with the client's name for the model, or in OpenAI's form. Every
 * message is answered at once. The answer of an attempt that Envoy makes again just ends somewhere.
 */
import { randomUUID } from "node:crypto";
import type { PreparedAttempt } from "../backends/prepare-attempt.ts";
import { formOf, isEventStream } from "../response/answer-form.ts";
import { AnswerReading } from "../response/answer-reading.ts";
import { type Usage, unknownUsage } from "../response/usage.ts";
import { UsageHider } from "../response/usage-hider.ts";
import { AnswerNames } from "../rewrite/answer-names.ts";
import type { AnswerHead } from "../translators/translator.ts";
import type { BodyMode } from "./body-mode.ts";
import { costMetadata } from "./cost-metadata.ts";
import type { StreamMessage } from "./decode-message.ts";
import { encodeAttempt, encodeFilledAnswer } from "./encode-attempt.ts";
import { proceed } from "./encode-reply.ts";
import { headerValue } from "./header-map.ts";
import { hiddenAnswerHeaders } from "./hidden-answer-headers.ts";
import { LastReplyPort } from "./last-reply.ts";
import { MaskedSecrets } from "./masked-secrets.ts";
import { passBody, passChanged } from "./pass-body.ts";
import type { Payer } from "./payer.ts";
import type { StreamHost, StreamPort } from "./stream-host.ts";
import { TranslatedAnswer } from "./translated-answer.ts";

/** Changes bytes on their way. */
export interface AnswerStage {
  write(bytes: Buffer): readonly Buffer[];
  end(): readonly Buffer[];
}

const CONTENT_TYPE = Buffer.from("content-type");
const CONTENT_ENCODING = Buffer.from("content-encoding");
/** Whose key it was that the gateway's credential is, which is nothing to its clients. */
/** What an attempt was made of. */
export interface MadeAttempt {
  readonly backend: string;
  readonly prepared: PreparedAttempt;
  readonly payer: Payer | undefined;
}

export class AttemptAnswer {
  readonly #port: LastReplyPort;
  readonly #host: StreamHost;
  readonly #mode: BodyMode;
  readonly #backend: string;
  readonly #prepared: PreparedAttempt;
  readonly #payer: Payer | undefined;
  /** In order; none where the answer goes on as it came. */
  #stages: readonly AnswerStage[] = [];
  #names: AnswerNames | undefined;
  #translated: TranslatedAnswer | undefined;
  #reading: AnswerReading | undefined;
  #status = -1;
  #isReported = false;
  seen = false;
  ended = false;

  constructor(port: StreamPort, host: StreamHost, mode: BodyMode, made: MadeAttempt) {
    this.#port = new LastReplyPort(port);
    this.#host = host;
    this.#mode = mode;
    this.#backend = made.backend;
    this.#prepared = made.prepared;
    this.#payer = made.payer;
  }

  /** Is nothing of it to be changed or read any more? */
  get mayEnd(): boolean {
    if (this.ended) return true;
    const { answer, asked, hidesUsage } = this.#prepared;
    const isChanged = this.#stages.length > 0 || answer !== undefined || hidesUsage || asked.model !== asked.askedModel;
    return !isChanged && this.#host.costs.length === 0 && (this.#mode !== "duplex" || !this.seen);
  }

  on(message: StreamMessage): void {
    // Envoy has been seen to repeat a duplex body's end mark.
    const isRepeated = this.ended && this.#mode === "duplex" && message.start === message.end;
    this.seen = true;
    this.ended ||= message.endOfStream || message.kind === "response_trailers" || this.#isWhole(message);
    if (this.ended) this.#port.awaitTail();
    if (message.kind === "response_headers") this.#onHeaders(message);
    else if (message.kind === "response_trailers") this.#onTrailers();
    else if (!isRepeated) this.#onBody(message.body(), message.endOfStream);
    if (!this.ended) return;
    this.#port.finish(this.#isReported ? NOTHING : this.#costs());
    this.#report();
  }

  /** The stream is over, the answer perhaps not. */
  release(): void {
    this.#report();
  }

  /** A buffered body comes in one piece, whether trailers follow it or not. */
  #isWhole({ kind }: StreamMessage): boolean {
    return kind === "response_body" && this.#mode === "buffered";
  }

  #onHeaders(message: StreamMessage): void {
    this.#status = message.status;
    const contentType = headerValue(message, CONTENT_TYPE);
    const contentEncoding = headerValue(message, CONTENT_ENCODING);
    const hidden = hiddenAnswerHeaders(message, this.#prepared.secrets.length > 0);
    const isWanted = this.#prepared.answer !== undefined && this.#status !== 204;
    if (
      this.#mode !== "none" &&
      (isRedirect(this.#status) || (isWanted && !(message.endOfStream && this.#mode === "duplex")))
    )
      this.#translate(message, contentType, contentEncoding, hidden);
    else if (message.endOfStream || this.#mode === "none") this.#sendHead(hidden);
    else this.#passOn(contentType, contentEncoding, hidden);
  }

  #sendHead(removed: readonly string[]): void {
    if (removed.length === 0) this.#port.send(proceed.responseHeaders);
    else this.#port.send(encodeAttempt("responseHeaders", { set: [], removed }, undefined));
  }

  #translate(message: StreamMessage, contentType: string, contentEncoding: string, hidden: readonly string[]): void {
    const { answer, asked } = this.#prepared;
    const { status, endOfStream } = message;
    const isPlain = formOf("application/json", contentEncoding) === "json";
    // An answer that is none, and a redirection, which nobody follows here, and a client must not.
    const isNone = isRedirect(status) || (endOfStream && status < 400);
    const head: AnswerHead = {
      status,
      contentType,
      atSeconds: Math.floor(Date.now() / 1000),
      id: `chatcmpl-${randomUUID().replaceAll("-", "")}`,
      header: (name) => headerValue(message, Buffer.from(name)),
    };
    const fault = (error: unknown) => this.#host.events.fault("translating an answer", error);
    const open = isPlain && !isNone && answer !== undefined ? () => answer(asked, head) : undefined;
    const translated = new TranslatedAnswer(open, fault);
    if (translated.isHopeless) {
      const flaw = isRedirect(status) ? "answer_redirect" : isPlain ? "answer_form" : "answer_encoded";
      this.#host.events.attemptUnfit(flaw, this.#backend, this.#port.peer());
    }
    this.#translated = translated;
    const set: [string, string][] = [["content-type", translated.contentType]];
    // Another backend may do better: by the status Envoy tries the next one.
    if (translated.isHopeless && status < 400) set.push([":status", "502"]);
    const ofBody = ["content-length", "content-encoding", "etag", "content-md5", "digest"];
    const change = { set, removed: [...ofBody, ...hidden] };
    if (endOfStream && this.#mode !== "duplex") {
      this.#port.send(encodeFilledAnswer(change, Buffer.concat(translated.end())));
      return;
    }
    this.#stages = [translated];
    this.#port.send(encodeAttempt("responseHeaders", change, undefined));
  }

  #passOn(contentType: string, contentEncoding: string, hidden: readonly string[]): void {
    const { asked, hidesUsage } = this.#prepared;
    // What a backend leaves unsaid is what was asked for.
    const type = contentType || (asked.streams ? "text/event-stream" : "application/json");
    const form = formOf(type, contentEncoding);
    if (this.#status < 400) this.#reading = new AnswerReading(form, isEventStream(type), Number.NaN);
    const isRenamed = asked.askedModel !== "" && asked.model !== asked.askedModel;
    if (isRenamed && (form === "json" || form === "events"))
      this.#names = new AnswerNames(asked.model, asked.askedModel, form);
    else if (isRenamed) this.#host.events.namedBack(form === "encoded" ? form : "other_form");
    const hider = hidesUsage && form === "events" ? [new UsageHider()] : [];
    const changing = this.#names === undefined ? hider : [...hider, this.#names];
    const mask = this.#status < 400 ? undefined : MaskedSecrets.of(this.#prepared.secrets);
    this.#stages = mask === undefined ? changing : [mask, ...changing];
    // Envoy takes the length of a body that may change out by itself, but where it has the whole.
    this.#sendHead(changing.length === 0 ? hidden : [...hidden, "content-length"]);
  }

  #onBody(bytes: Buffer, end: boolean): void {
    const pieces = this.#changed(bytes);
    if (pieces === undefined) passBody(this.#port, "responseBody", this.#mode, bytes, end);
    else passChanged(this.#port, "responseBody", this.#mode, Buffer.concat(pieces), end);
    this.#read(bytes);
  }

  /** Undefined where they go on as they came. */
  #changed(bytes: Buffer): readonly Buffer[] | undefined {
    if (this.#stages.length === 0) return undefined;
    const written = this.#stages.reduce<readonly Buffer[]>(
      (all, stage) => all.flatMap((each) => stage.write(each)),
      [bytes],
    );
    const pieces = this.ended ? [...written, ...this.#tails()] : written;
    const isSame = pieces.length === 1 && pieces[0] === bytes;
    return isSame || (pieces.length === 0 && bytes.length === 0) ? undefined : pieces;
  }

  /** What the stages hold back, each through those behind it. */
  #tails(): readonly Buffer[] {
    return this.#stages.reduce<readonly Buffer[]>(
      (all, stage) => [...all.flatMap((each) => stage.write(each)), ...stage.end()],
      [],
    );
  }

  /** Only duplex has a reply to put into what is held back. */
  #onTrailers(): void {
    const rest = Buffer.concat(this.#stages.length === 0 || this.#isReported ? [] : this.#tails());
    if (rest.length > 0 && this.#mode === "duplex") passBody(this.#port, "responseBody", "duplex", rest, false);
    else if (rest.length > 0 && this.#mode !== "buffered") {
      this.#host.events.attemptUnfit("answer_trailers", this.#backend, this.#port.peer());
    }
    this.#port.send(proceed.responseTrailers);
  }

  /** The bytes are on their way: a fault of ours costs the numbers, not the answer. */
  #read(bytes: Buffer): void {
    try {
      this.#reading?.add(bytes, this.#host.now());
    } catch (error) {
      this.#host.events.fault("reading an answer", error);
      this.#reading = undefined;
    }
  }

  get #usage(): Usage {
    return this.#translated?.usage ?? this.#reading?.usage ?? unknownUsage;
  }

  #costs(): Buffer {
    const { costs, events } = this.#host;
    const { askedModel } = this.#prepared.asked;
    const spent = { usage: this.#usage, model: askedModel, backend: this.#backend };
    return costMetadata(costs, spent, events, this.#payer);
  }

  /** Once per answer. */
  #report(): void {
    if (this.#isReported || !this.seen) return;
    this.#isReported = true;
    const { events } = this.#host;
    if (this.#names !== undefined) events.namedBack(this.#names.replaced ? "restored" : "absent");
    events.backendAnswered({ backend: this.#backend, status: this.#status, usage: this.#usage });
  }
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * The response direction of one stream: every message is answered at once, nothing is collected. Where the body is
 * shown, what it tells of tokens and times is read after it was passed on; of what is not shown nothing is kept.
 */

import { WHY_HEADER, whyMoved } from "../explain/why-header.ts";
import { type AnswerForm, formOf, isEventStream, type Unread } from "../response/answer-form.ts";
import { AnswerReading } from "../response/answer-reading.ts";
import { unknownUsage } from "../response/usage.ts";
import type { Answer } from "./answer.ts";
import { plainReply, strategyReply, tokenOf, tokenReply } from "./answer-headers.ts";
import type { BodyMode } from "./body-mode.ts";
import { costMetadata } from "./cost-metadata.ts";
import type { Held } from "./deadlines.ts";
import type { StreamMessage } from "./decode-message.ts";
import { proceed } from "./encode-reply.ts";
import { headerValue } from "./header-map.ts";
import { LastReplyPort } from "./last-reply.ts";
import { passBody } from "./pass-body.ts";
import { isRenamed, type RenamedAnswer, renamedAnswer } from "./renamed-answer.ts";
import { answerHeaders, type HeaderPair } from "./strategy-headers.ts";
import type { StreamHost, StreamPort } from "./stream-host.ts";

const CONTENT_TYPE = Buffer.from("content-type");
const CONTENT_ENCODING = Buffer.from("content-encoding");

export class ResponseSide {
  readonly #port: StreamPort;
  /** The same, where the end of an answer is to tell what it cost. */
  readonly #lastReply: LastReplyPort | undefined;
  readonly #host: StreamHost;
  readonly #held: Held;
  readonly #answer: Answer;
  /** Headers whose answer waits for a sign of the mode: a body that comes before it means duplex. */
  #guessing = false;
  #shown: BodyMode = "buffered";
  /** How the body is written, by its headers; "nothing" where it tells nothing of what a request costs. */
  #form: AnswerForm | Unread | "nothing" = "other_form";
  #reading: AnswerReading | undefined;
  /** Where the model in the answer is to get back its name. */
  #renamed: RenamedAnswer | undefined;
  /** What the pod had to read of the prompt, once it has read it; undefined before. */
  #readTokens: number | undefined;
  #isTimed = false;
  seen = false;
  ended = false;
  /** Is the answer a stream of events, so that its end comes long after its headers? */
  streams = false;
  /** When the answer's headers were seen. */
  seenAtMs = 0;
  /** When the held answer to the headers is due. */
  dueAtMs = 0;

  constructor(port: StreamPort, host: StreamHost, held: Held, answer: Answer) {
    this.#lastReply = host.costs.length === 0 ? undefined : new LastReplyPort(port);
    this.#port = this.#lastReply ?? port;
    this.#host = host;
    this.#held = held;
    this.#answer = answer;
  }

  /** `mode` is undefined where it was neither stated nor shown by the request. */
  on(message: StreamMessage, mode: BodyMode | undefined): void {
    const repeatedEnd = this.ended && message.start === message.end;
    this.seen = true;
    this.ended ||= message.endOfStream || message.kind === "response_trailers";
    if (this.ended) this.#lastReply?.awaitTail();
    if (message.kind === "response_headers") this.#onHeaders(message, mode);
    else if (message.kind === "response_trailers") {
      this.#stopGuessing("buffered");
      this.#renamed?.finish(mode ?? this.#shown);
      this.#port.send(proceed.responseTrailers);
    } else {
      this.#stopGuessing("duplex");
      const known = mode ?? this.#shown;
      if (known === "duplex" && repeatedEnd) return;
      if (this.#renamed !== undefined) this.#renamed.pass(known, message.body(), message.endOfStream);
      else passBody(this.#port, "responseBody", known, message.body(), message.endOfStream);
      this.#read(message);
    }
    if (!this.ended) return;
    this.#lastReply?.finish(this.#costs());
    this.#report();
    this.#tellNames();
  }

  onDue(): void {
    this.#stopGuessing("buffered");
  }

  /** The stream is over, the answer perhaps not. */
  release(): void {
    this.#report();
    if (!this.seen && isRenamed(this.#answer)) this.#host.events.namedBack("hidden");
    this.#tellNames();
  }

  #onHeaders(message: StreamMessage, mode: BodyMode | undefined): void {
    this.seenAtMs = this.#host.now();
    const contentType = headerValue(message, CONTENT_TYPE);
    this.streams = !message.endOfStream && isEventStream(contentType);
    // An error costs no tokens, and what Envoy answers itself is one.
    if (message.status >= 400) this.#form = "nothing";
    else if (mode !== "none") this.#form = formOf(contentType, headerValue(message, CONTENT_ENCODING));
    const renamed = renamedAnswer(this.#port, this.#answer, message, mode);
    if (typeof renamed === "string") this.#host.events.namedBack(renamed);
    else this.#renamed = renamed;
    // The headers of a stream may come before the first token, those of a whole answer come with the last.
    if (!this.streams) this.#notePromptRead();
    if (mode !== undefined || message.endOfStream) {
      this.#port.send(this.#headersReply());
      return;
    }
    this.#guessing = true;
    this.dueAtMs = this.#host.now() + this.#host.settings.guessMs;
    this.#host.deadlines.add(this.#held);
  }

  #stopGuessing(shown: BodyMode): void {
    if (!this.#guessing) return;
    this.#guessing = false;
    this.#shown = shown;
    this.#host.deadlines.delete(this.#held);
    this.#port.send(this.#headersReply());
  }

  /** An answer that is an error keeps nobody's session where it is. */
  #headersReply(): Buffer {
    const { tokenHeader, pod, why } = this.#answer;
    const { marksAnswers, strategyHeader } = this.#host.settings;
    const hasToken = tokenHeader !== "" && pod !== undefined && this.#form !== "nothing";
    if (strategyHeader !== undefined || why !== "") {
      const told = strategyHeader === undefined ? [] : [...answerHeaders(this.#answer, strategyHeader)];
      if (why !== "") told.push(whyHeader(this.#answer));
      return strategyReply(hasToken ? [...told, [tokenHeader, tokenOf(pod.address)]] : told, marksAnswers);
    }
    return hasToken ? tokenReply(tokenHeader, pod, marksAnswers) : plainReply(marksAnswers);
  }

  /** The bytes are on their way: a fault of ours costs the numbers, not the answer. */
  #read(message: StreamMessage): void {
    if (message.start === message.end || this.#form === "nothing") return;
    try {
      this.#reading ??= this.#startReading();
      if (this.#reading === undefined) return;
      this.#reading.add(message.body(), this.#host.now());
      this.#noteFirstToken(this.#reading);
    } catch (error) {
      this.#host.events.fault("reading an answer", error);
      this.#reading = undefined;
      this.#form = "nothing";
    }
  }

  #notePromptRead(): void {
    const { ticket } = this.#answer;
    if (this.#readTokens !== undefined || ticket === undefined) return;
    this.#readTokens = ticket.pendingTokens;
    this.#host.inFlight.promptRead(ticket);
  }

  #noteFirstToken(reading: AnswerReading): void {
    if (this.#isTimed || !reading.hasOutput) return;
    this.#notePromptRead();
    const { pod } = this.#answer;
    if (Number.isNaN(reading.ttftMs) || pod === undefined) return;
    this.#isTimed = true;
    this.#host.times.firstToken(pod, reading.ttftMs, this.#readTokens ?? 0);
  }

  /** Only answers of pods to inference requests are read. */
  #startReading(): AnswerReading | undefined {
    const { ticket, api, pod } = this.#answer;
    if (this.#form !== "nothing" && ticket !== undefined && pod !== undefined && api !== "none") {
      // A request that another pod refused first says nothing of how fast this one is.
      const since = this.#answer.moved ? Number.NaN : ticket.openedAtMs;
      return new AnswerReading(this.#form, this.streams, since);
    }
    this.#form = "nothing";
    return undefined;
  }

  /** What the answer has cost, for whoever limits or bills by it. */
  #costs(): Buffer {
    const { costs, events } = this.#host;
    const usage = this.#reading?.usage ?? unknownUsage;
    const { model, payer } = this.#answer;
    return costMetadata(costs, { usage, model, backend: "" }, events, payer);
  }

  #tellNames(): void {
    if (this.#renamed === undefined) return;
    this.#host.events.namedBack(this.#renamed.replaced ? "restored" : "absent");
    this.#renamed = undefined;
  }

  /** Once per answer. */
  #report(): void {
    const reading = this.#reading;
    const { pod, model, moved } = this.#answer;
    // What was predicted of the pod that did not take the request says nothing of this one.
    const predictedHit = moved ? Number.NaN : this.#answer.predictedHit;
    if (reading === undefined || pod === undefined) return;
    this.#reading = undefined;
    this.#form = "nothing";
    try {
      const report = reading.report(this.ended);
      this.#host.times.ended(pod, report.tpotMs);
      this.#host.events.answered({ ...report, pod, model, predictedHit });
      this.#answer.record?.answered(report);
    } catch (error) {
      this.#host.events.fault("reading an answer", error);
    }
  }
}

/** Why the pod was picked, and which one served where Envoy went on to another. */
function whyHeader({ why, moved, pod }: Answer): HeaderPair {
  return [WHY_HEADER, moved && pod !== undefined ? whyMoved(why, pod.name) : why];
}

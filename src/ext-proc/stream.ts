/** One Envoy stream = one HTTP request: hands messages to its two directions, and meets every end in one place. */
import { endsEarly, type FilterMode, statedMode } from "./body-mode.ts";
import type { Held } from "./deadlines.ts";
import type { MessageKind, StreamMessage } from "./decode-message.ts";
import { noteOutcome } from "./outcome.ts";
import { RequestSide } from "./request-side.ts";
import { ResponseSide } from "./response-side.ts";
import {
  type EndCause,
  grpcStatus,
  type OpenStream,
  type StreamEnd,
  type StreamHost,
  type StreamPort,
} from "./stream-host.ts";
import { noteWatched, tellWatched } from "./watched.ts";

/** All streams that are shown the headers of the answer and nothing of its body; the second only watch. */
const headersOnly = {};
const watching = {};

export class Stream implements OpenStream, Held {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  readonly #request: RequestSide;
  readonly #response: ResponseSide;
  #first: MessageKind | "nothing" = "nothing";
  /** Stated by the first message, which is a response's where a filter before us answers the request itself. */
  #stated: FilterMode | undefined;
  #attributes = false;
  #over = false;

  constructor(port: StreamPort, host: StreamHost) {
    this.#port = port;
    this.#host = host;
    this.#request = new RequestSide(port, host, this, (work) => this.#guarded(work));
    this.#response = new ResponseSide(port, host, this, this.#request.answer);
    host.openStreams.add(this);
  }

  on(message: StreamMessage): void {
    if (this.#over) return;
    this.#guarded(() => {
      this.#host.events.message(message.kind, message.bytes.length);
      if (this.#first === "nothing") this.#begin(message);
      const { record } = this.#request.answer;
      if (record === undefined) this.#dispatch(message);
      else {
        const startMs = this.#host.now();
        this.#dispatch(message);
        record.saw(message, startMs, this.#host.now());
      }
    });
  }

  /** Envoy has sent its last message. */
  onHalfClose(): void {
    this.#guarded(() => this.#end("half-close", grpcStatus.ok, ""));
  }

  /** The stream was reset, its connection is gone, or the transport has ended it. */
  onCancel(): void {
    this.#guarded(() => this.#finish("cancel", this.#port.sentStatus ?? grpcStatus.cancelled));
  }

  get dueAtMs(): number {
    return this.#response.seen ? this.#response.dueAtMs : this.#request.dueAtMs;
  }

  onDue(): void {
    this.#guarded(() => (this.#response.seen ? this.#response.onDue() : this.#request.onDue()));
  }

  /**
   * At drain: if Envoy can go on without us, ends the stream well, which Envoy takes as "nothing more to say".
   * In the middle of a duplex body that would lose bytes, so such a stream stays.
   */
  letGo(): boolean {
    const echoing = this.#response.seen && !this.#response.ended && this.#request.mode.response === "duplex";
    if (this.#over || !this.#request.settled || echoing) return false;
    this.#guarded(() => this.#end("drain", grpcStatus.ok, ""));
    return true;
  }

  #begin(message: StreamMessage): void {
    this.#first = message.kind;
    this.#attributes = message.attributesEnd > 0;
    this.#stated = statedMode(message);
    if (this.#stated === undefined) return;
    this.#request.know(this.#stated);
    const { response } = this.#stated;
    if (!this.#host.wanted.readsTimes || response === "streamed" || response === "duplex") return;
    this.#host.events.answersUnseen(response);
  }

  #dispatch(message: StreamMessage): void {
    switch (message.kind) {
      case "request_headers":
        if (this.#request.onHeaders(message, this.#stated)) break;
        this.#end("abandoned", grpcStatus.invalidArgument, "headers came twice");
        break;
      case "request_body":
        this.#request.onBody(message);
        break;
      case "request_trailers":
        this.#request.onTrailers();
        break;
      case "response_headers":
        noteOutcome(message, this.#request.answer, this.#host);
        this.#respond(message);
        break;
      case "response_body":
      case "response_trailers":
        this.#respond(message);
        break;
      case "malformed":
        this.#end("abandoned", grpcStatus.invalidArgument, "unreadable ProcessingRequest");
        break;
      case "empty":
        this.#end("abandoned", grpcStatus.unimplemented, "a ProcessingRequest of no known kind");
        break;
      default:
        message.kind satisfies never;
    }
  }

  #respond(message: StreamMessage): void {
    // In observability mode Envoy reads no replies; of the answer we want nothing but who gave it, and when it is over.
    if (message.observability) {
      // Trailers, which end a body, are not shown to every filter that watches: who is answered has been heard out.
      if (message.kind === "response_headers") this.#request.onDue();
      noteWatched(message, this.#request.answer, this.#host);
      return;
    }
    this.#response.on(message, this.#request.modeKnown ? this.#request.mode.response : undefined);
  }

  /** Catches a fault of our own, whatever the entry. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#host.events.fault("stream", error);
      this.#degrade();
    }
  }

  /** After a fault: a pick by in-flight if none is out; else let Envoy go on alone; else an honest status. */
  #degrade(): void {
    if (this.#over) return;
    try {
      if (!this.#request.answer.given) this.#request.failOpen();
      else if (!this.letGo()) this.#end("abandoned", grpcStatus.internal, "internal fault, see the picker's log");
    } catch (error) {
      this.#host.events.fault("degraded pick", error);
      this.#end("abandoned", grpcStatus.internal, "internal fault, see the picker's log");
    }
  }

  /** Our books are closed first: the transport may report the end back before `end` returns. */
  #end(cause: EndCause, status: number, details: string): void {
    if (this.#over) return;
    this.#finish(cause, status);
    this.#port.end(status, details);
  }

  /** Every end comes here, and counts once. */
  #finish(cause: EndCause, status: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.openStreams.delete(this);
    const { mode, answer } = this.#request;
    this.#request.release(this.#response.seen);
    tellWatched(answer, this.#host);
    answer.trace?.ended(cause, this.#host.now());
    this.#response.release();
    const { ticket } = answer;
    const estimate = ticket !== undefined && this.#endsEarly();
    if (ticket !== undefined) {
      if (estimate) this.#host.inFlight.estimate(ticket);
      else this.#host.inFlight.close(ticket);
    }
    const end: StreamEnd = {
      cause,
      first: this.#first,
      mode,
      status,
      answered: answer.given || this.#response.seen,
      attributes: this.#attributes,
      inFlightSource: ticket === undefined ? "none" : estimate ? "estimate" : "stream",
      requestId: answer.requestId,
    };
    this.#host.events.ended(this.#port, end);
    answer.record?.ended(end, this.#response.streams);
  }

  /**
   * Has Envoy ended this stream before the answer was over? Whoever shows us the answer's body keeps it until then; of
   * those that show only its headers some versions do, and only a stream of events tells which.
   */
  #endsEarly(): boolean {
    const { mode, answer } = this.#request;
    const { seen, ended, streams, seenAtMs } = this.#response;
    const { earlyEnds, now } = this.#host;
    const peer = this.#port.peer();
    if (answer.shadow) return earlyEnds.isEarly(peer, watching, false, now() - answer.watched.servedAtMs, true);
    if (seen) {
      if (ended || !streams || mode.response !== "none") return false;
      return earlyEnds.isEarly(peer, headersOnly, false, now() - seenAtMs, true);
    }
    return earlyEnds.isEarly(peer, mode, endsEarly(mode), now() - answer.replies.lastAtMs, answer.api !== "none");
  }
}

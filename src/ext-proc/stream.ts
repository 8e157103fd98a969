/** One Envoy stream = one HTTP request: hands messages to its two directions, and meets every end in one place. */
import { endsEarly } from "./body-mode.ts";
import type { MessageKind, StreamMessage } from "./decode-message.ts";
import { RequestSide } from "./request-side.ts";
import { ResponseSide } from "./response-side.ts";
import { type EndCause, grpcStatus, type OpenStream, type StreamHost, type StreamPort } from "./stream-host.ts";

export class Stream implements OpenStream {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  readonly #request: RequestSide;
  readonly #response: ResponseSide;
  #first: MessageKind | "nothing" = "nothing";
  #over = false;

  constructor(port: StreamPort, host: StreamHost) {
    this.#port = port;
    this.#host = host;
    this.#request = new RequestSide(port, host);
    this.#response = new ResponseSide(port);
    host.openStreams.add(this);
  }

  /** The one entry for messages, and the one place that catches a fault of our own. */
  on(message: StreamMessage): void {
    if (this.#over) return;
    if (this.#first === "nothing") this.#first = message.kind;
    this.#host.events.message(message.kind, message.bytes.length);
    try {
      this.#dispatch(message);
    } catch (error) {
      this.#host.events.fault("stream", error);
      this.#degrade();
    }
  }

  /** Envoy has sent its last message. */
  onHalfClose(): void {
    if (this.#over) return;
    this.#port.end(grpcStatus.ok, "");
    this.#finish("half-close", grpcStatus.ok);
  }

  /** The stream was reset, or its connection is gone. */
  onCancel(): void {
    this.#finish("cancel", grpcStatus.cancelled);
  }

  /**
   * At drain: if Envoy can go on without us, ends the stream well, which Envoy takes as "nothing more to say".
   * In the middle of a duplex body that would lose bytes, so such a stream stays.
   */
  letGo(): boolean {
    const echoing = this.#response.seen && !this.#response.ended && this.#request.mode.response === "duplex";
    if (!this.#request.settled || echoing) return false;
    this.#port.end(grpcStatus.ok, "");
    this.#finish("drain", grpcStatus.ok);
    return true;
  }

  #dispatch(message: StreamMessage): void {
    switch (message.kind) {
      case "request_headers":
        if (!this.#request.onHeaders(message)) this.#abandon(grpcStatus.invalidArgument, "headers came twice");
        break;
      case "request_body":
        if (!this.#request.onBody(message)) this.#abandon(grpcStatus.invalidArgument, "body came before headers");
        break;
      case "request_trailers":
        this.#request.onTrailers();
        break;
      case "response_headers":
      case "response_body":
      case "response_trailers":
        // In observability mode Envoy reads no replies.
        if (!message.observability) this.#response.on(message, this.#request.mode.response);
        break;
      case "malformed":
        this.#abandon(grpcStatus.invalidArgument, "unreadable ProcessingRequest");
        break;
      case "empty":
        break;
      default:
        message.kind satisfies never;
    }
  }

  /** After a fault: a pick by in-flight if none is out; else let Envoy go on alone; else an honest status. */
  #degrade(): void {
    try {
      if (!this.#request.answered && this.#request.failOpen()) return;
      if (this.letGo()) return;
    } catch (error) {
      this.#host.events.fault("degraded pick", error);
    }
    this.#abandon(grpcStatus.internal, "internal fault, see the picker's log");
  }

  #abandon(status: number, details: string): void {
    this.#port.end(status, details);
    this.#finish("abandoned", status);
  }

  /** Every end comes here, and counts once. */
  #finish(cause: EndCause, status: number): void {
    if (this.#over) return;
    this.#over = true;
    const { mode, answered, ticket } = this.#request;
    this.#host.openStreams.delete(this);
    this.#request.release();
    const estimate = ticket !== undefined && this.#endsEarly();
    if (ticket !== undefined) {
      if (estimate) this.#host.inFlight.estimate(ticket);
      else this.#host.inFlight.close(ticket);
    }
    this.#host.events.ended(this.#port, {
      cause,
      first: this.#first,
      mode,
      status,
      answered,
      inFlightSource: ticket === undefined ? "none" : estimate ? "estimate" : "stream",
    });
  }

  /** Has Envoy ended this stream before the answer was over? Whoever shows us the response keeps it until then. */
  #endsEarly(): boolean {
    const { mode, answeredAtMs } = this.#request;
    if (this.#response.seen) return false;
    const gapMs = this.#host.now() - answeredAtMs;
    return this.#host.earlyEnds.isEarly(mode, endsEarly(mode), gapMs);
  }
}

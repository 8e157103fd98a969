/** The stream of one request that a pod is picked for: hands messages to its two directions, and closes its ticket. */
import { Answer } from "./answer.ts";
import { endsEarly, type FilterMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import { noteOutcome } from "./outcome.ts";
import { RequestSide } from "./request-side.ts";
import { ResponseSide } from "./response-side.ts";
import type { EndCause, StreamEnd, StreamHost, StreamPort } from "./stream-host.ts";
import { breaches, type StreamWork, type Unanswerable, type WorkParts } from "./stream-work.ts";
import { noteWatched, tellWatched } from "./watched.ts";

/** All streams that are shown the headers of the answer and nothing of its body; the second only watch. */
const headersOnly = {};
const watching = {};

export class PickStream implements StreamWork {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  /** Stated by the first message, which is a response's where a filter before us answers the request itself. */
  readonly #stated: FilterMode | undefined;
  readonly #request: RequestSide<Answer>;
  readonly #response: ResponseSide;

  constructor(parts: WorkParts) {
    const { port, host, held, stated } = parts;
    this.#port = port;
    this.#host = host;
    this.#stated = stated;
    const answer = new Answer(port, host);
    this.#request = new RequestSide(parts, answer);
    this.#response = new ResponseSide(port, host, held, answer);
    if (stated === undefined) return;
    this.#request.know(stated);
    const { response } = stated;
    if (!host.wanted.readsTimes || response === "streamed" || response === "duplex") return;
    host.events.answersUnseen(response);
  }

  get mode(): FilterMode {
    return this.#request.mode;
  }

  get isAnswered(): boolean {
    return this.#request.answer.given || this.#response.seen;
  }

  get requestId(): string {
    return this.#request.answer.requestId;
  }

  /** In the middle of a duplex body an end would lose bytes, so such a stream stays. */
  get mayEnd(): boolean {
    const echoing = this.#response.seen && !this.#response.ended && this.#request.mode.response === "duplex";
    return this.#request.settled && !echoing;
  }

  get dueAtMs(): number {
    return this.#response.seen ? this.#response.dueAtMs : this.#request.dueAtMs;
  }

  onDue(): void {
    if (this.#response.seen) this.#response.onDue();
    else this.#request.onDue();
  }

  on(message: StreamMessage): Unanswerable | undefined {
    const { record } = this.#request.answer;
    if (record === undefined) return this.#dispatch(message);
    const startMs = this.#host.now();
    const breach = this.#dispatch(message);
    record.saw(message, startMs, this.#host.now());
    return breach;
  }

  failOpen(): boolean {
    if (this.#request.answer.given) return false;
    this.#request.failOpen();
    return true;
  }

  release(cause: EndCause): StreamEnd["inFlightSource"] {
    const { answer } = this.#request;
    this.#request.release(this.#response.seen);
    tellWatched(answer, this.#host);
    answer.trace?.ended(cause, this.#host.now());
    this.#response.release();
    const { ticket } = answer;
    if (ticket === undefined) return "none";
    const estimate = this.#endsEarly();
    if (estimate) this.#host.inFlight.estimate(ticket);
    else this.#host.inFlight.close(ticket);
    return estimate ? "estimate" : "stream";
  }

  ended(end: StreamEnd): void {
    this.#request.answer.record?.ended(end, this.#response.streams);
  }

  #dispatch(message: StreamMessage): Unanswerable | undefined {
    switch (message.kind) {
      case "request_headers":
        return this.#request.onHeaders(message, this.#stated) ? undefined : breaches.headersTwice;
      case "request_body":
        this.#request.onBody(message);
        return undefined;
      case "request_trailers":
        this.#request.onTrailers();
        return undefined;
      case "response_headers":
        noteOutcome(message, this.#request.answer, this.#host);
        this.#request.answer.payer?.heed(message);
        this.#respond(message);
        return undefined;
      case "response_body":
      case "response_trailers":
        this.#respond(message);
        return undefined;
      case "malformed":
        return breaches.unreadable;
      case "empty":
        return breaches.unknownKind;
      default:
        return message.kind satisfies never;
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

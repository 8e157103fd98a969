/** The response direction of one stream: every message is answered at once, nothing is collected. */
import type { BodyMode } from "./body-mode.ts";
import type { Held } from "./deadlines.ts";
import type { StreamMessage } from "./decode-message.ts";
import { proceed } from "./encode-reply.ts";
import { headerValue } from "./header-map.ts";
import { passBody } from "./pass-body.ts";
import type { StreamHost, StreamPort } from "./stream-host.ts";

const CONTENT_TYPE = Buffer.from("content-type");
const EVENT_STREAM = "text/event-stream";

export class ResponseSide {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  readonly #held: Held;
  /** Headers whose answer waits for a sign of the mode: a body that comes before it means duplex. */
  #guessing = false;
  #shown: BodyMode = "buffered";
  seen = false;
  ended = false;
  /** Is the answer a stream of events, so that its end comes long after its headers? */
  streams = false;
  /** When the answer's headers were seen. */
  seenAtMs = 0;
  /** When the held answer to the headers is due. */
  dueAtMs = 0;

  constructor(port: StreamPort, host: StreamHost, held: Held) {
    this.#port = port;
    this.#host = host;
    this.#held = held;
  }

  /** `mode` is undefined where it was neither stated nor shown by the request. */
  on(message: StreamMessage, mode: BodyMode | undefined): void {
    const repeatedEnd = this.ended && message.start === message.end;
    this.seen = true;
    this.ended ||= message.endOfStream || message.kind === "response_trailers";
    if (message.kind === "response_headers") this.#onHeaders(message, mode);
    else if (message.kind === "response_trailers") {
      this.#stopGuessing("buffered");
      this.#port.send(proceed.responseTrailers);
    } else {
      this.#stopGuessing("duplex");
      const known = mode ?? this.#shown;
      if (known === "duplex" && repeatedEnd) return;
      passBody(this.#port, "responseBody", known, message.body(), message.endOfStream);
    }
  }

  onDue(): void {
    this.#stopGuessing("buffered");
  }

  #onHeaders(message: StreamMessage, mode: BodyMode | undefined): void {
    this.seenAtMs = this.#host.now();
    this.streams = !message.endOfStream && headerValue(message, CONTENT_TYPE).startsWith(EVENT_STREAM);
    if (mode !== undefined || message.endOfStream) {
      this.#port.send(proceed.responseHeaders);
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
    this.#port.send(proceed.responseHeaders);
  }
}

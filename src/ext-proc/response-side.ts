/** The response direction of one stream: every message is answered at once, nothing is collected. */
import type { BodyMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import { proceed } from "./encode-reply.ts";
import { passBody } from "./pass-body.ts";
import type { StreamPort } from "./stream-host.ts";

export class ResponseSide {
  readonly #port: StreamPort;
  seen = false;
  ended = false;

  constructor(port: StreamPort) {
    this.#port = port;
  }

  on(message: StreamMessage, mode: BodyMode): void {
    const repeatedEnd = this.ended && message.start === message.end;
    this.seen = true;
    this.ended ||= message.endOfStream || message.kind === "response_trailers";
    if (message.kind === "response_headers") this.#port.send(proceed.responseHeaders);
    else if (message.kind === "response_trailers") this.#port.send(proceed.responseTrailers);
    else if (mode !== "duplex" || !repeatedEnd) {
      passBody(this.#port, "responseBody", mode, message.body(), message.endOfStream);
    }
  }
}

/** The answer direction of a stream that changes nothing of it: every message is answered at once. */
import type { BodyMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import { proceed } from "./encode-reply.ts";
import { passBody } from "./pass-body.ts";
import type { StreamPort } from "./stream-host.ts";

export class PassedAnswer {
  readonly #port: StreamPort;
  readonly #mode: BodyMode;
  seen = false;
  ended = false;

  constructor(port: StreamPort, mode: BodyMode) {
    this.#port = port;
    this.#mode = mode;
  }

  on(message: StreamMessage): void {
    // Envoy has been seen to repeat a duplex body's end mark.
    const isRepeated = this.ended && this.#mode === "duplex" && message.start === message.end;
    this.seen = true;
    this.ended ||= message.endOfStream || message.kind === "response_trailers";
    if (message.kind === "response_headers") this.#port.send(proceed.responseHeaders);
    else if (message.kind === "response_trailers") this.#port.send(proceed.responseTrailers);
    else if (!isRepeated) passBody(this.#port, "responseBody", this.#mode, message.body(), message.endOfStream);
  }

  /** Is nothing of it on its way through us? */
  get mayEnd(): boolean {
    return this.#mode !== "duplex" || !this.seen || this.ended;
  }
}

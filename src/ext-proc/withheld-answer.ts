/**
 * The answer to an attempt that could not be made: for want of a key, the backend was sent a request without a body and
 * without any key. Whatever it says to that, the answer becomes our own word, with a status by which Envoy goes on to
 * the next backend. An immediate response of ours it would take for the last word: those it never tries again.
 */
import { type ErrorCode, type ErrorCodeSpec, errorCodes } from "../errors.ts";
import type { BodyMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import { encodeAttempt, encodeFilledAnswer } from "./encode-attempt.ts";
import { errorText } from "./encode-immediate.ts";
import { proceed } from "./encode-reply.ts";
import { hiddenAnswerHeaders } from "./hidden-answer-headers.ts";
import { passChanged } from "./pass-body.ts";
import type { StreamPort } from "./stream-host.ts";

const NOTHING: Buffer = Buffer.alloc(0);

export class WithheldAnswer {
  readonly #port: StreamPort;
  readonly #mode: BodyMode;
  readonly #code: ErrorCode;
  /** Is our own word out? */
  #isSaid = false;
  #ended = false;

  constructor(port: StreamPort, mode: BodyMode, code: ErrorCode) {
    this.#port = port;
    this.#mode = mode;
    this.#code = code;
  }

  get mayEnd(): boolean {
    return this.#ended;
  }

  on(message: StreamMessage): void {
    const isRepeated = this.#ended && message.start === message.end;
    const isWhole = message.kind === "response_body" && this.#mode === "buffered";
    this.#ended ||= message.endOfStream || isWhole || message.kind === "response_trailers";
    if (message.kind === "response_headers") this.#port.send(this.#headers(message));
    else if (message.kind === "response_trailers") {
      if (this.#mode === "duplex") passChanged(this.#port, "responseBody", "duplex", this.#say(), false);
      this.#port.send(proceed.responseTrailers);
    } else if (!isRepeated || this.#mode !== "duplex") {
      passChanged(this.#port, "responseBody", this.#mode, this.#ended ? this.#say() : NOTHING, message.endOfStream);
    }
  }

  #headers(message: StreamMessage): Buffer {
    const spec: ErrorCodeSpec = errorCodes[this.#code];
    const set = [
      [":status", String(spec.status)],
      ["content-type", "application/json"],
      ["x-pointsman-error", this.#code],
    ] as const;
    // A gateway may wait for what Retry-After says, though the next backend is another one.
    const removed = [
      "content-length",
      "content-encoding",
      "retry-after",
      "etag",
      ...hiddenAnswerHeaders(message, true),
    ];
    if (message.endOfStream && this.#mode !== "duplex") return encodeFilledAnswer({ set, removed }, this.#say());
    return encodeAttempt("responseHeaders", { set, removed }, undefined);
  }

  #say(): Buffer {
    if (this.#isSaid) return NOTHING;
    this.#isSaid = true;
    return Buffer.from(errorText(this.#code));
  }
}

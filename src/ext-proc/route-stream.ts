/**
 * The router phase where it is a filter of its own, in front of Envoy's routes: tells them the model of each request, and
 * keeps what the request was for the attempts. Its answers are passed on: who changes them is the attempt.
 */

import type { FilterMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import { PassedAnswer } from "./passed-answer.ts";
import { RequestSide } from "./request-side.ts";
import { RouteAnswer } from "./route-answer.ts";
import { breaches, type StreamWork, type Unanswerable, type WorkParts } from "./stream-work.ts";

export class RouteStream implements StreamWork {
  readonly #parts: WorkParts;
  readonly #request: RequestSide<RouteAnswer>;
  #response: PassedAnswer | undefined;

  constructor(parts: WorkParts) {
    this.#parts = parts;
    this.#request = new RequestSide(parts, new RouteAnswer(parts.port, parts.host));
    if (parts.stated !== undefined) this.#request.know(parts.stated);
  }

  get mode(): FilterMode {
    return this.#request.mode;
  }

  get isAnswered(): boolean {
    return this.#request.answer.given || this.#response !== undefined;
  }

  get mayEnd(): boolean {
    return this.#request.settled && this.#response?.mayEnd !== false;
  }

  get requestId(): string {
    return this.#request.answer.requestId;
  }

  get dueAtMs(): number {
    return this.#request.dueAtMs;
  }

  onDue(): void {
    this.#request.onDue();
  }

  on(message: StreamMessage): Unanswerable | undefined {
    switch (message.kind) {
      case "request_headers":
        return this.#request.onHeaders(message, this.#parts.stated) ? undefined : breaches.headersTwice;
      case "request_body":
        this.#request.onBody(message);
        return undefined;
      case "request_trailers":
        this.#request.onTrailers();
        return undefined;
      case "response_headers":
      case "response_body":
      case "response_trailers":
        this.#pass(message);
        return undefined;
      case "malformed":
        return breaches.unreadable;
      case "empty":
        return breaches.unknownKind;
      default:
        return message.kind satisfies never;
    }
  }

  failOpen(): boolean {
    if (this.#request.answer.given) return false;
    this.#request.failOpen();
    return true;
  }

  release(): "none" {
    this.#request.release(this.#response !== undefined);
    return "none";
  }

  ended(): void {}

  #pass(message: StreamMessage): void {
    if (message.observability) return;
    this.#response ??= new PassedAnswer(this.#parts.port, this.mode.response);
    this.#response.on(message);
    if (message.kind === "response_headers") this.#request.answer.payer?.heed(message);
  }
}

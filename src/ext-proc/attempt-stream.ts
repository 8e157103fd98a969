/**
 * One attempt of Envoy's router at one backend: the stream of a filter in the cluster's own chain. It knows what its own
 * messages tell and nothing of other attempts, phases or processes. Whatever cannot be done for the backend is said.
 */
import { translatesAnswer } from "../backends/prepare-attempt.ts";
import { AttemptAnswer } from "./attempt-answer.ts";
import type { AttemptFlaw } from "./attempt-flaws.ts";
import { AttemptHead } from "./attempt-head.ts";
import { AttemptRequestSide } from "./attempt-request.ts";
import { assumedMode, type FilterMode } from "./body-mode.ts";
import type { StreamMessage } from "./decode-message.ts";
import { encodeAttempt } from "./encode-attempt.ts";
import { proceed } from "./encode-reply.ts";
import { headerValue } from "./header-map.ts";
import { PassedAnswer } from "./passed-answer.ts";
import { type Payer, payerOf } from "./payer.ts";
import { backendName } from "./read-metadata.ts";
import { breaches, type StreamWork, type Unanswerable, type WorkParts } from "./stream-work.ts";
import { WithheldAnswer } from "./withheld-answer.ts";

const REQUEST_ID = Buffer.from("x-request-id");

export class AttemptStream implements StreamWork {
  readonly #parts: WorkParts;
  readonly #request: AttemptRequestSide;
  readonly mode: FilterMode;
  readonly dueAtMs = Number.POSITIVE_INFINITY;
  requestId = "";
  #answer: AttemptAnswer | PassedAnswer | WithheldAnswer | undefined;
  #backend = "";
  #isWatched = false;
  #payer: Payer | undefined;

  constructor(parts: WorkParts) {
    const { assumedMode: assumed } = parts.host.settings;
    this.#parts = parts;
    this.mode = parts.stated ?? assumedMode(assumed === "auto" ? "buffered" : assumed);
    this.#request = new AttemptRequestSide(parts, this.mode);
  }

  get isAnswered(): boolean {
    return this.#request.isAnswered || this.#answer !== undefined || this.#isWatched;
  }

  /** Never before the request is out: Envoy would send it on as it came, with what an earlier attempt has set. */
  get mayEnd(): boolean {
    return this.#request.settled && this.#answer?.mayEnd !== false && !this.#owesAnswer;
  }

  /** Is the answer still to come, and to be changed or read? */
  get #owesAnswer(): boolean {
    const { prepared, withheld } = this.#request;
    return this.#answer === undefined && (prepared ?? withheld) !== undefined && this.mode.response !== "none";
  }

  onDue(): void {}

  on(message: StreamMessage): Unanswerable | undefined {
    // Envoy reads no replies there.
    if (message.observability) this.#watch(message);
    if (this.#isWatched) return undefined;
    const isUnseen = this.#request.isNew && this.#answer === undefined && isSkip(message.kind);
    if (isUnseen && this.#beginUnseen(message)) return undefined;
    switch (message.kind) {
      case "request_headers":
        if (!this.#request.isNew) return breaches.headersTwice;
        this.#begin(message);
        return undefined;
      case "request_body":
        this.#request.onBody(message);
        return undefined;
      case "request_trailers":
        this.#request.onTrailers();
        return undefined;
      case "response_headers":
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

  /** The next attempt's headers may hold this one's key: a request that is not made whole does not go on. */
  failOpen(): boolean {
    return false;
  }

  release(): "none" {
    this.#request.release();
    if (this.#answer instanceof AttemptAnswer) this.#answer.release();
    return "none";
  }

  ended(): void {}

  #begin(message: StreamMessage): void {
    const { host } = this.#parts;
    const { settings, backends: book, openStreams } = host;
    this.requestId = headerValue(message, REQUEST_ID);
    const head = new AttemptHead(message, settings.modelHeader ?? "", settings.payerHeader);
    this.#payer = payerOf(head.original.payer, host);
    const backend = book?.find(head.backend);
    if (isTooOld(head.envoyMinor, this.mode)) this.#tell("envoy_old", head.backend);
    if (openStreams.size > settings.streamLimit) this.#request.refuse({ code: "overloaded" });
    else if (backend === undefined || book === undefined)
      this.#unfit(head, head.backend === "" ? "unnamed" : "unknown");
    else {
      this.#backend = backend.name;
      const hides = this.mode.response === "none" || this.mode.response === "buffered_partial";
      // What another attempt has made of the path is nothing to send a key to.
      if (head.flaw !== undefined && settings.unknownBackend === "refuse") this.#unfit(head, head.flaw);
      else if (translatesAnswer(backend, head.api) && hides) this.#unfit(head, "answer_hidden");
      else {
        if (head.flaw !== undefined) this.#tell(head.flaw, head.backend);
        if (!this.#request.start({ book, backend, head })) this.#unfit(head, "body_hidden");
      }
    }
  }

  /** Envoy reads no replies there, so that nothing can be done about it but to say so. */
  #watch(message: StreamMessage): void {
    if (!this.#isWatched) this.#tell("watched_only", backendName(message));
    this.#isWatched = true;
  }

  /** The headers went by without us, and may be held back still: true where the message is answered by this. */
  #beginUnseen(message: StreamMessage): boolean {
    const { settings, backends } = this.#parts.host;
    const name = backendName(message);
    this.#tell("headers_hidden", name);
    if (message.kind !== "request_body" && message.kind !== "request_trailers") return false;
    if (settings.unknownBackend === "refuse")
      this.#request.refuse({ code: "filter_mode_unfit" }, backends?.find(name)?.name);
    else if (message.kind === "request_trailers" || this.mode.request === "duplex") this.#request.goOnUnseen();
    else {
      // What the body is in nobody here knows: it stays said.
      const removed = backends?.settable.filter((name) => name !== "content-encoding") ?? [];
      this.#request.goOn(encodeAttempt("requestBody", { set: [], removed }, undefined), message.endOfStream);
      return true;
    }
    return settings.unknownBackend === "refuse";
  }

  /** The gateway's configuration is at fault: refused, or sent on with nothing but what other attempts have set undone. */
  #unfit(head: AttemptHead, flaw: AttemptFlaw): void {
    const { settings, backends } = this.#parts.host;
    this.#tell(flaw, head.backend);
    const isNamed = flaw !== "unnamed" && flaw !== "unknown";
    if (settings.unknownBackend === "refuse")
      this.#request.refuse({ code: isNamed ? "filter_mode_unfit" : "backend_unknown" }, this.#backend);
    else if (backends === undefined) this.#request.goOn(proceed.requestHeaders, head.endsHere);
    else this.#request.goOn(encodeAttempt("requestHeaders", head.undone(backends.settable), undefined), head.endsHere);
  }

  #tell(flaw: AttemptFlaw, backend: string): void {
    const { host, port } = this.#parts;
    host.events.attemptUnfit(flaw, backend, port.peer());
  }

  #respond(message: StreamMessage): void {
    this.#answer ??= this.#openAnswer();
    this.#answer.on(message);
  }

  #openAnswer(): AttemptAnswer | PassedAnswer | WithheldAnswer {
    const { port, host } = this.#parts;
    const { prepared, withheld } = this.#request;
    const { response } = this.mode;
    if (withheld !== undefined) return new WithheldAnswer(port, response, withheld.code);
    if (prepared === undefined) return new PassedAnswer(port, response);
    return new AttemptAnswer(port, host, response, { backend: this.#backend, prepared, payer: this.#payer });
  }
}

/** Can a first message of this kind only come where the headers were not shown? */
function isSkip(kind: StreamMessage["kind"]): boolean {
  return kind !== "request_headers" && kind !== "malformed" && kind !== "empty";
}

function isTooOld(minor: number, { response }: FilterMode): boolean {
  return minor < 36 || (minor === 36 && response !== "none" && response !== "duplex");
}

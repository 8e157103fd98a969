/** One Envoy stream = one HTTP request, or one attempt of it: its life cycle, whatever it is there for. */
import { AttemptStream } from "./attempt-stream.ts";
import { type FilterMode, statedMode } from "./body-mode.ts";
import type { Held } from "./deadlines.ts";
import type { MessageKind, StreamMessage } from "./decode-message.ts";
import { PickStream } from "./pick-stream.ts";
import { isAfterChoice } from "./read-metadata.ts";
import { RouteStream } from "./route-stream.ts";
import {
  type EndCause,
  grpcStatus,
  type OpenStream,
  type StreamEnd,
  type StreamHost,
  type StreamPort,
} from "./stream-host.ts";
import type { StreamWork, WorkParts } from "./stream-work.ts";

export class Stream implements OpenStream, Held {
  readonly #port: StreamPort;
  readonly #host: StreamHost;
  /** What the stream is there for; its first message says. */
  #work: StreamWork | undefined;
  #first: MessageKind | "nothing" = "nothing";
  #attributes = false;
  #over = false;

  constructor(port: StreamPort, host: StreamHost) {
    this.#port = port;
    this.#host = host;
    host.openStreams.add(this);
  }

  on(message: StreamMessage): void {
    if (this.#over) return;
    this.#guarded(() => {
      this.#host.events.message(message.kind, message.bytes.length);
      this.#work ??= this.#begin(message);
      const breach = this.#work.on(message);
      if (breach !== undefined) this.#end("abandoned", breach.status, breach.details);
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
    return this.#work?.dueAtMs ?? Number.POSITIVE_INFINITY;
  }

  onDue(): void {
    this.#guarded(() => this.#work?.onDue());
  }

  /** At drain: if Envoy can go on without us, ends the stream well, which Envoy takes as "nothing more to say". */
  letGo(): boolean {
    if (this.#over || this.#work?.mayEnd !== true) return false;
    this.#guarded(() => this.#end("drain", grpcStatus.ok, ""));
    return true;
  }

  #begin(message: StreamMessage): StreamWork {
    this.#first = message.kind;
    this.#attributes = message.attributesEnd > 0;
    return openWork(message, this.#parts(statedMode(message)));
  }

  #parts(stated: FilterMode | undefined): WorkParts {
    const { port, host } = { port: this.#port, host: this.#host };
    return { port, host, stated, held: this, guarded: (work) => this.#guarded(work) };
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
      if (this.#work?.failOpen() !== true && !this.letGo())
        this.#end("abandoned", grpcStatus.internal, "internal fault, see the picker's log");
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

  /** Every end comes here, and counts once. A stream that never said what it is for counts as a pick's. */
  #finish(cause: EndCause, status: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.openStreams.delete(this);
    const work = this.#work ?? new PickStream(this.#parts(undefined));
    const inFlightSource = work.release(cause);
    const end: StreamEnd = {
      cause,
      first: this.#first,
      mode: work.mode,
      status,
      answered: work.isAnswered,
      attributes: this.#attributes,
      inFlightSource,
      requestId: work.requestId,
    };
    this.#host.events.ended(this.#port, end);
    work.ended(end);
  }
}

/** A pick where nothing says otherwise: no attributes of a choice that is made, no word of the filter's own. */
function openWork(first: StreamMessage, parts: WorkParts): StreamWork {
  const { port, host } = parts;
  const phase = port.callHeader?.("x-pointsman-phase") ?? "";
  if (phase === "attempt") return new AttemptStream(parts);
  if (phase === "route") return new RouteStream(parts);
  if (first.attributesEnd > 0 && isRequest(first) && (host.backends !== undefined || refuses(host))) {
    if (isAfterChoice(first)) return new AttemptStream(parts);
  }
  return new PickStream(parts);
}

/** Without backends an attempt passes by unchanged, unless it is to be refused. */
function refuses({ settings }: StreamHost): boolean {
  return settings.unknownBackend === "refuse";
}

/** What an answer's attributes tell is known of every request by then. */
function isRequest({ kind }: StreamMessage): boolean {
  return kind === "request_headers" || kind === "request_body" || kind === "request_trailers";
}

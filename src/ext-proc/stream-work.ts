/** What a stream is there for: a pick, the route of a request, or an attempt at a backend. Its first message says which. */
import type { FilterMode } from "./body-mode.ts";
import type { Held } from "./deadlines.ts";
import type { StreamMessage } from "./decode-message.ts";
import { type EndCause, grpcStatus, type StreamEnd, type StreamHost, type StreamPort } from "./stream-host.ts";

/** Why a message cannot be dealt with: how the stream ends. */
export interface Unanswerable {
  readonly status: number;
  readonly details: string;
}

export const breaches = {
  headersTwice: { status: grpcStatus.invalidArgument, details: "headers came twice" },
  unreadable: { status: grpcStatus.invalidArgument, details: "unreadable ProcessingRequest" },
  unknownKind: { status: grpcStatus.unimplemented, details: "a ProcessingRequest of no known kind" },
} as const satisfies Record<string, Unanswerable>;

/** The stream keeps the life cycle and calls this; it is told of no message, and asked for nothing, once it is released. */
export interface StreamWork extends Held {
  /** As it is known by now. */
  readonly mode: FilterMode;
  /** Is the answer to the request out? */
  readonly isAnswered: boolean;
  /** Could Envoy go on without us, and lose nothing? */
  readonly mayEnd: boolean;
  /** For the lines that say how the stream ended; "" when unknown. */
  readonly requestId: string;
  on(message: StreamMessage): Unanswerable | undefined;
  /** After a fault of ours: answers somehow where no answer is out yet; false where nothing is done. */
  failOpen(): boolean;
  /** The stream is over: lets go of everything it holds. Returns how the end of its request is seen. */
  release(cause: EndCause): StreamEnd["inFlightSource"];
  /** Everybody else has been told of the end. */
  ended(end: StreamEnd): void;
}

/** What every kind of work is given. */
export interface WorkParts {
  readonly port: StreamPort;
  readonly host: StreamHost;
  /** Runs what no message has called, and catches its faults. */
  readonly guarded: (work: () => void) => void;
  /** What the deadlines call when a reply is due. */
  readonly held: Held;
  /** As the first message states it; undefined where it states none. */
  readonly stated: FilterMode | undefined;
}

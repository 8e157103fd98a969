/** What every stream shares: the parts of the process it works with, its settings, and who is told what happened. */
import type { EarlyEnds } from "../accounting/early-ends.ts";
import type { InFlight, Ticket } from "../accounting/in-flight.ts";
import type { BackendBook } from "../backends/backend-book.ts";
import type { Accounts } from "../costs/accounts.ts";
import type { CostRule } from "../costs/cost-rule.ts";
import type { ErrorCode } from "../errors.ts";
import type { Pod } from "../pods/pod-table.ts";
import type { ModelEntry } from "../pods/served-models.ts";
import type { BufferBudget } from "../request/body-buffer.ts";
import type { BodyUnread } from "../request/body-form.ts";
import type { AnswerReport } from "../response/answer-reading.ts";
import type { Usage } from "../response/usage.ts";
import type { WantedPhases } from "../response/wanted-phases.ts";
import type { NameBack } from "../rewrite/answer-names.ts";
import type { Rewriter } from "../rewrite/rewriter.ts";
import type { Refusal, RouteHints } from "../routing/choose-pool.ts";
import type { Decision, Picked } from "../routing/decision.ts";
import type { Objectives } from "../routing/objectives.ts";
import type { Router, Trail } from "../routing/router.ts";
import type { AttemptFlaw } from "./attempt-flaws.ts";
import type { AssumedMode, BodyMode, FilterMode } from "./body-mode.ts";
import type { CostEvents } from "./cost-metadata.ts";
import type { Deadlines } from "./deadlines.ts";
import type { MessageKind, StreamMessage } from "./decode-message.ts";
import type { PickReplies } from "./destination-header.ts";
import type { PickPhases } from "./pick-phases.ts";
import type { HintHeader, RequestHead } from "./request-head.ts";
import type { PickTracer } from "./request-trace.ts";
import type { Served } from "./watched.ts";

interface StreamSettings {
  readonly bodyLimitBytes: number;
  readonly streamLimit: number;
  readonly assumedMode: AssumedMode;
  /** Names of the headers that may name the model where the body does not. */
  readonly modelHeaders: readonly Buffer[];
  /** The headers that routing reads. */
  readonly hintHeaders: readonly HintHeader[];
  /** Is the subset of pods that the data plane allows of no account? */
  readonly ignoresSubset: boolean;
  /** Does a pick's metadata tell what every candidate scored? */
  readonly emitsScores: boolean;
  /** The header that tells a request's strategy, "" for none; undefined where requests name no strategies. */
  readonly strategyHeader: string | undefined;
  /** Are refusals said as AIBrix says them? */
  readonly saysAsAibrix: boolean;
  /** Do the headers of answers say why the request went where it did? */
  readonly tellsWhy: boolean;
  /** Do the headers of answers say that they came by here? */
  readonly marksAnswers: boolean;
  /** The header that tells Envoy's routes the model; undefined where picks set none. */
  readonly modelHeader: string | undefined;
  /** Who pays for a request; undefined where nobody is asked to. */
  readonly payerHeader: Buffer | undefined;
  /** The most of a debt that one request carries; 0 for all of it. */
  readonly payerMost: number;
  /** What becomes of an attempt that cannot be made as its backend needs it. */
  readonly unknownBackend: "continue" | "refuse";
  /** Longest wait with a held reply once the body looks complete or is, or once early streamed headers came. */
  readonly answerDeadlineMs: number;
  /** How long headers without a stated mode wait for a body chunk. */
  readonly guessMs: number;
  /** Longest silence in the middle of a duplex body. */
  readonly silenceMs: number;
}

/** How a stream came to its end, as far as we can see. */
export type EndCause = "half-close" | "cancel" | "drain" | "abandoned";

export interface StreamEnd {
  readonly cause: EndCause;
  readonly first: MessageKind | "nothing";
  readonly mode: FilterMode;
  readonly status: number;
  readonly answered: boolean;
  /** Did attributes come with the first message? */
  readonly attributes: boolean;
  readonly inFlightSource: "stream" | "estimate" | "none";
  readonly requestId: string;
}

/** An answer whose body was shown to us, at its end. */
export interface AnsweredRequest extends AnswerReport {
  /** The pod that served it. */
  readonly pod: Pod;
  /** As the client wrote it; "" when unknown. */
  readonly model: string;
  /** Share of the prompt that the pod was believed to hold when it was picked; NaN when nothing was believed. */
  readonly predictedHit: number;
}

/** What one attempt at a backend came to. */
export interface BackendAnswer {
  readonly backend: string;
  /** -1 where the headers of the answer were not shown. */
  readonly status: number;
  /** As the answer tells it. */
  readonly usage: Usage;
}

/** How the router phase has found a request's model. */
export const routedBy = {
  body: "the body names it",
  header: "a header does, for want of the body",
  nothing: "nothing names one: a list of models, or a body that was not seen",
} as const;

/** Listeners are called on the hot path: they count, and log only behind a level check or once. */
export interface StreamEvents extends CostEvents {
  message(kind: MessageKind, bytes: number): void;
  /** Are there lines per stream, which need the request's id? */
  readonly wantsRequestId: boolean;
  /** `trail` tells how it came about, in the tick of the pick; of one that was foreseen it is empty. */
  picked(decision: Picked, elapsedMs: number, shadow: boolean, requestId: string, trail: Trail): void;
  /** A pod is named with the headers; whether it stays shows later. */
  foreseen(decision: Picked, trail: Trail): void;
  /** What the pick just told of spent its time on; the marks hold until the next one. */
  timed(phases: PickPhases): void;
  /** `trail` is there where routing refused it. */
  refused(refusal: Refusal, elapsedMs: number, requestId: string, trail: Trail | undefined): void;
  bodyUnseen(mode: BodyMode): void;
  /** A body was there to be read, and was not. */
  bodyUnread(why: BodyUnread): void;
  modeUnstated(peer: string): void;
  /** A filter of a cluster asks, behind the choice of the pod. */
  askedAfterChoice(peer: string): void;
  /** A body came without its headers. */
  headersUnseen(): void;
  /** The filter does not show answers as they are generated, and a scorer reads what they would tell. */
  answersUnseen(mode: BodyMode): void;
  /** A request in observability mode was served, or its stream is over. */
  watched(wouldBe: Decision, served: Served): void;
  fault(where: string, error: unknown): void;
  /** Is the number not known, it is 0. */
  attemptMade(backend: string, attempt: number): void;
  /** Answered here; the backend sees nothing of it. */
  attemptRefused(code: ErrorCode, backend: string): void;
  /** `name` is what the gateway called the backend. */
  attemptUnfit(flaw: AttemptFlaw, name: string, peer: string): void;
  backendAnswered(answer: BackendAnswer): void;
  routed(by: keyof typeof routedBy): void;
  routeRefused(code: ErrorCode): void;
  answered(answer: AnsweredRequest): void;
  /** The answer to a renamed request is over. */
  namedBack(how: NameBack): void;
  ended(port: StreamPort, end: StreamEnd): void;
}

/** Told how the pods do with the requests sent to them, where the filter shows us the answers; 0: a body not seen. */
export interface PodOutcomes {
  picked(pod: Pod): void;
  failed(pod: Pod, kind: "connect" | "status", pickedAtMs: number, fingerprint: number): void;
  succeeded(pod: Pod, pickedAtMs: number, fingerprint: number): void;
}

/** Told how fast the pods answer, where the filter shows us the bodies of their answers; NaN is unknown. */
export interface AnswerTimes {
  /** `pendingTokens`: of the prompt, what the pod had to read before, by estimate. */
  firstToken(pod: Pod, ttftMs: number, pendingTokens: number): void;
  /** The answer is over; from one token to the next it took so long. */
  ended(pod: Pod, tpotMs: number): void;
}

/** Told of one request from its first message to its end, by whoever wants to know that much of each. */
export interface RequestRecord {
  /** A message was dealt with, from `startMs` to `endMs`. */
  saw(message: StreamMessage, startMs: number, endMs: number): void;
  /** Routing took so long, whatever it decided. */
  routed(tookMs: number): void;
  picked(decision: Picked, elapsedMs: number, head: RequestHead, ticket: Ticket | undefined): void;
  refused(refusal: Refusal, head: RequestHead): void;
  answered(report: AnswerReport): void;
  /** `streams`: was the answer a stream of events? */
  ended(end: StreamEnd, streams: boolean): void;
}

/** A stream as the drain sees it. */
export interface OpenStream {
  /** Ends the stream if Envoy can go on without us. */
  letGo(): boolean;
}

export interface StreamHost {
  readonly router: Router;
  readonly rewriter: Rewriter;
  readonly objectives: Objectives;
  /** undefined where none are configured. */
  readonly backends: BackendBook | undefined;
  readonly inFlight: InFlight;
  readonly outcomes: PodOutcomes;
  readonly times: AnswerTimes;
  readonly wanted: WantedPhases;
  readonly podAt: (address: string) => Pod | undefined;
  /** The models that GET /v1/models lists; undefined where a pod is to answer. */
  readonly listModels: (hints: RouteHints) => readonly ModelEntry[] | Refusal | undefined;
  readonly earlyEnds: EarlyEnds;
  readonly replies: PickReplies;
  readonly budget: BufferBudget;
  readonly deadlines: Deadlines;
  readonly phases: PickPhases;
  readonly settings: StreamSettings;
  /** What the end of each answer tells of its cost; none where nobody asks. */
  readonly costs: readonly CostRule[];
  readonly accounts: Accounts;
  readonly events: StreamEvents;
  /** Begins the record of a stream's request; absent where nobody keeps any. */
  readonly openRecord?: (() => RequestRecord) | undefined;
  /** Absent where nobody traces. */
  readonly tracer?: PickTracer | undefined;
  readonly openStreams: Set<OpenStream>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** `x-pointsman-phase` is what the filter's grpc_service says of its own place, `route` or `attempt`. */
export type CallHeader = "traceparent" | "tracestate" | "x-pointsman-phase";

/** What the transport offers to one stream. */
export interface StreamPort {
  send(reply: Buffer): void;
  /** Ends the stream with a gRPC status. */
  end(code: number, details: string): void;
  peer(): string;
  /** A value of the gRPC call's own metadata; "" where there is none. */
  callHeader?(name: CallHeader): string;
  /** The gRPC status that went out, if one did: by end(), or by the transport itself. */
  readonly sentStatus?: number | undefined;
}

/** gRPC status codes used here. */
export const grpcStatus = { ok: 0, cancelled: 1, invalidArgument: 3, unimplemented: 12, internal: 13 } as const;

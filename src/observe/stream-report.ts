/** What happens on streams -> counts, log lines and the decision trace. Called on the hot path: no text unless needed. */

import type { MessageKind } from "../ext-proc/decode-message.ts";
import type { PickPhases } from "../ext-proc/pick-phases.ts";
import type { AnsweredRequest, StreamEnd, StreamEvents, StreamPort } from "../ext-proc/stream-host.ts";
import type { Served } from "../ext-proc/watched.ts";
import type { PodTable } from "../pods/pod-table.ts";
import { type NameBack, nameBacks } from "../rewrite/answer-names.ts";
import { BY_HEADER } from "../rewrite/rewriter.ts";
import type { Refusal } from "../routing/choose-pool.ts";
import { type Decision, type ModelRewrite, type Picked, rewriteOutcomes } from "../routing/decision.ts";
import type { Trail } from "../routing/router.ts";
import { AnswerReport } from "./answer-report.ts";
import { BackendReport } from "./backend-report.ts";
import type { DecisionLog } from "./decision-log.ts";
import type { DecisionTrace } from "./decision-trace.ts";
import { FilterReport } from "./filter-report.ts";
import type { Cell, HotCounter } from "./instruments.ts";
import { Brake, type Logger, Once } from "./log.ts";
import type { Instruments } from "./metrics.ts";
import { PickReport } from "./pick-report.ts";
import { ShadowReport } from "./shadow-report.ts";
import { streamLine } from "./stream-line.ts";

export interface StreamReportParts {
  readonly log: Logger;
  readonly instruments: Instruments;
  readonly trace: DecisionTrace;
  /** Absent where none is kept. */
  readonly decisions?: DecisionLog | undefined;
  readonly now: () => number;
}

export class StreamReport implements StreamEvents {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  readonly #trace: DecisionTrace;
  readonly #decisions: DecisionLog | undefined;
  readonly #once = new Once();
  readonly #unanswered: Brake;
  #saysStreams = false;
  #saysMessages = false;
  /** Cells by label value, so that the hot path never builds a label object. */
  readonly #messages: (kind: string) => Cell;
  readonly #bytes: (kind: string) => Cell;
  readonly #picks: PickReport;
  readonly #sources: (source: string) => Cell;
  readonly #answers: AnswerReport;
  readonly bodyUnseen: FilterReport["bodyUnseen"];
  readonly bodyUnread: FilterReport["bodyUnread"];
  readonly modeUnstated: FilterReport["modeUnstated"];
  readonly askedAfterChoice: FilterReport["askedAfterChoice"];
  readonly headersUnseen: FilterReport["headersUnseen"];
  readonly answersUnseen: FilterReport["answersUnseen"];
  readonly attemptMade: BackendReport["attemptMade"];
  readonly attemptRefused: BackendReport["attemptRefused"];
  readonly attemptUnfit: BackendReport["attemptUnfit"];
  readonly backendAnswered: BackendReport["backendAnswered"];
  readonly routed: BackendReport["routed"];
  readonly routeRefused: BackendReport["routeRefused"];
  /** Of requests in observability mode. */
  readonly shadow: ShadowReport;

  constructor({ log, instruments, trace, decisions, now }: StreamReportParts) {
    this.#log = log;
    this.#instruments = instruments;
    this.#trace = trace;
    this.#decisions = decisions;
    this.shadow = new ShadowReport(log, instruments, trace);
    this.#picks = new PickReport(instruments);
    this.#unanswered = new Brake(now);
    this.heedLevel();
    this.#messages = cells(instruments.messages, (kind) => ({ kind }));
    this.#bytes = cells(instruments.messageBytes, (kind) => ({ kind }));
    this.#sources = cells(instruments.ticketsClosed, (source) => ({ source }));
    this.#answers = new AnswerReport(log, instruments);
    const filters = new FilterReport(log, instruments);
    this.bodyUnseen = (mode) => filters.bodyUnseen(mode);
    this.bodyUnread = (why) => filters.bodyUnread(why);
    this.modeUnstated = (peer) => filters.modeUnstated(peer);
    this.askedAfterChoice = (peer) => filters.askedAfterChoice(peer);
    this.headersUnseen = () => filters.headersUnseen();
    this.answersUnseen = (mode) => filters.answersUnseen(mode);
    const backends = new BackendReport(log, instruments);
    this.attemptMade = (...told) => backends.attemptMade(...told);
    this.attemptRefused = (...told) => backends.attemptRefused(...told);
    this.attemptUnfit = (...told) => backends.attemptUnfit(...told);
    this.backendAnswered = (told) => backends.backendAnswered(told);
    this.routed = (by) => backends.routed(by);
    this.routeRefused = (code) => backends.routeRefused(code);
  }

  /** From now on what is counted by pod is told of this table's pods. */
  readFrom(table: PodTable): void {
    this.shadow.readFrom(table);
    this.#picks.readFrom(table);
  }

  /** Once more after a change of the log's level: asking it for every message would cost too much. */
  heedLevel(): void {
    this.#saysStreams = this.#log.isLevelEnabled("debug");
    this.#saysMessages = this.#log.isLevelEnabled("trace");
  }

  message(kind: MessageKind, bytes: number): void {
    this.#messages(kind).value++;
    this.#bytes(kind).value += bytes;
    if (this.#saysMessages) this.#log.trace({ kind, bytes }, "message");
  }

  get wantsRequestId(): boolean {
    return this.#saysStreams || this.#decisions !== undefined;
  }

  picked(decision: Picked, elapsedMs: number, shadow: boolean, requestId: string, trail?: Trail): void {
    if (shadow) this.#instruments.shadowPicks.add({ pool: decision.pool.name });
    else this.#picks.picked(decision);
    this.#instruments.pickSeconds.observe(elapsedMs / 1000);
    const number = this.#trace.add(Date.now(), decision, elapsedMs, shadow, trail);
    this.#decisions?.picked(number, requestId, trail);
    if (decision.rewrite !== undefined && !shadow) this.#rewritten(decision.rewrite);
    if (!this.#saysStreams) return;
    const { pod, pool, reason, model, score, priority } = decision;
    const target = decision.rewrite?.target;
    this.#log.debug(
      {
        requestId,
        pool: pool.name,
        pod: pod.name,
        address: pod.address,
        reason,
        model,
        target,
        priority,
        score,
        ms: elapsedMs,
        shadow,
      },
      "picked",
    );
  }

  /** A header's target is the client's text, which is no label. */
  #rewritten({ by, target, outcome }: ModelRewrite): void {
    this.#instruments.modelRewrites.add({ rule: by, target: by === BY_HEADER ? "" : target, outcome });
    if (outcome === "written" || outcome === "routed" || outcome === "same") return;
    this.#once.do(`rewrite ${outcome}`, () =>
      this.#log.warn(
        { rule: by, outcome },
        `the model of a request was to get another name: ${rewriteOutcomes[outcome]}`,
      ),
    );
  }

  namedBack(how: NameBack): void {
    this.#instruments.modelNames.add({ outcome: how });
    if (how === "restored" || how === "absent") return;
    this.#once.do(`named ${how}`, () =>
      this.#log.warn(
        { how },
        `the answer to a renamed request reached its client ${nameBacks[how]}; said once, counted always`,
      ),
    );
  }

  timed(phases: PickPhases): void {
    this.#picks.timed(phases);
  }

  foreseen(decision: Picked, trail: Trail): void {
    this.#trace.foresee(Date.now(), decision, trail);
  }

  refused(refusal: Refusal, elapsedMs: number, requestId: string, trail?: Trail): void {
    const { code } = refusal;
    const number = this.#trace.add(Date.now(), refusal, elapsedMs, false, trail);
    this.#decisions?.picked(number, requestId, trail);
    this.#instruments.refusals.add({ code });
    if (this.#saysStreams) this.#log.debug({ code }, "refused");
  }

  watched(wouldBe: Decision, served: Served): void {
    this.shadow.watched(wouldBe, served);
  }

  fault(where: string, error: unknown): void {
    this.#instruments.faults.add({ where });
    this.#log.error({ where, err: error }, "a fault of our own was survived");
  }

  cost(key: string, value: number): void {
    this.#answers.cost(key, value);
  }

  costUnknown(key: string, why: string): void {
    this.#answers.costUnknown(key, why);
  }

  answered(request: AnsweredRequest): void {
    const { pod, usage } = request;
    this.#picks.answered(pod, usage.promptTokens, usage.cachedTokens);
    this.#answers.answered(request);
  }

  ended(port: StreamPort, end: StreamEnd): void {
    const { cause, answered, inFlightSource } = end;
    this.#instruments.streamsEnded.add({ cause, answered: String(answered) });
    if (inFlightSource !== "none") this.#sources(inFlightSource).value++;
    if (!answered) {
      this.#unanswered.do((dropped) =>
        this.#log.info({ ...streamLine(port, end), dropped }, "a stream ended without our answer"),
      );
    } else if (this.#saysStreams) this.#log.debug(streamLine(port, end), "stream ended");
  }
}

function cells(counter: HotCounter, labels: (value: string) => Record<string, string>): (value: string) => Cell {
  const known = new Map<string, Cell>();
  return (value) => {
    const cell = known.get(value) ?? counter.cell(labels(value));
    known.set(value, cell);
    return cell;
  };
}

/** One request as the Go picker's metrics see it: what is noted while it goes by, and counted when it is over. */
import type { Ticket } from "../accounting/in-flight.ts";
import type { StreamMessage } from "../ext-proc/decode-message.ts";
import type { RequestHead } from "../ext-proc/request-head.ts";
import type { RequestRecord, StreamEnd } from "../ext-proc/stream-host.ts";
import type { AnswerReport } from "../response/answer-reading.ts";
import type { Usage } from "../response/usage.ts";
import type { Refusal } from "../routing/choose-pool.ts";
import type { Picked } from "../routing/decision.ts";
import type { RequestCells } from "./go-cells.ts";
import type { GoReport } from "./go-report.ts";

export class GoRequest implements RequestRecord {
  readonly #report: GoReport;
  readonly #openedAtMs: number;
  /** Of the model and flow, once a pod is picked. */
  #cells: RequestCells | undefined;
  #requestBytes = 0;
  #responseBytes = 0;
  #status = -1;
  #usage: Usage | undefined;
  /** Of the answer: its headers, the first and the last bytes of its body, and its end. */
  #headersAtMs = Number.NaN;
  #firstAtMs = Number.NaN;
  #lastAtMs = Number.NaN;
  #completeAtMs = Number.NaN;
  #pieces = 0;
  /** The picker's own time with the answer. */
  #ownMs = 0;

  constructor(report: GoReport, openedAtMs: number) {
    this.#report = report;
    this.#openedAtMs = openedAtMs;
  }

  saw(message: StreamMessage, startMs: number, endMs: number): void {
    const { kind, start, end } = message;
    if (kind === "request_body") this.#requestBytes += end - start;
    else if (kind === "response_headers") {
      this.#headersAtMs = startMs;
      this.#status = message.status;
      this.#sawAnswer(message.endOfStream, startMs, endMs);
    } else if (kind === "response_body") {
      if (end > start) this.#sawPiece(end - start, startMs);
      this.#sawAnswer(message.endOfStream, startMs, endMs);
    } else if (kind === "response_trailers") this.#sawAnswer(true, startMs, endMs);
  }

  #sawPiece(bytes: number, atMs: number): void {
    this.#responseBytes += bytes;
    if (this.#pieces++ === 0) this.#firstAtMs = atMs;
    this.#lastAtMs = atMs;
  }

  /** What Envoy repeats of the end, or sends behind it, moves it no more. */
  #sawAnswer(isLast: boolean, startMs: number, endMs: number): void {
    this.#ownMs += endMs - startMs;
    if (isLast && Number.isNaN(this.#completeAtMs)) this.#completeAtMs = startMs;
  }

  routed(tookMs: number): void {
    this.#report.routed(tookMs);
  }

  picked(decision: Picked, elapsedMs: number, head: RequestHead, ticket: Ticket | undefined): void {
    // What is no inference request, such as a look at a pod's own paths, the Go picker does not count.
    if (head.form.api === "none") return;
    this.#cells = this.#report.picked(decision, elapsedMs, head.control.fairnessId, ticket);
  }

  refused(refusal: Refusal, head: RequestHead): void {
    this.#report.refused(refusal, head.control.fairnessId, head.form.api !== "none");
  }

  answered({ usage }: AnswerReport): void {
    this.#usage = usage;
  }

  ended(end: StreamEnd, streams: boolean): void {
    const nowMs = this.#report.now();
    this.#report.streamEnded(end.status, nowMs - this.#openedAtMs);
    if (this.#cells === undefined) return;
    // A stream that lasts as long as its request tells the end of an answer that is not shown.
    const tellsEnd = end.cause === "half-close" && end.inFlightSource === "stream";
    if (Number.isNaN(this.#completeAtMs) && tellsEnd) this.#completeAtMs = nowMs;
    this.#count(this.#cells, streams);
  }

  #count(cells: RequestCells, streams: boolean): void {
    const { families } = this.#report;
    this.#report.left(cells, this.#status >= 400);
    if (this.#requestBytes > 0) cells.histogram(families.requestBytes).observe(this.#requestBytes);
    this.#countTokens(cells);
    const isComplete = !Number.isNaN(this.#completeAtMs);
    if (isComplete) this.#countTimes(cells, streams);
    if (this.#pieces > 0 && isComplete) cells.histogram(families.responseBytes).observe(this.#responseBytes);
    if (this.#pieces > 0) cells.ttft(families, streams).observe((this.#firstAtMs - this.#openedAtMs) / 1000);
    if (!streams || this.#pieces < 2) return;
    const gaps = this.#pieces - 1;
    cells.histogram(families.itlSeconds).observe((this.#lastAtMs - this.#firstAtMs) / 1000 / gaps, gaps);
  }

  #countTokens(cells: RequestCells): void {
    if (this.#usage === undefined) return;
    const { families } = this.#report;
    const { promptTokens, cachedTokens, completionTokens } = this.#usage;
    if (promptTokens > 0) cells.histogram(families.inputTokens).observe(promptTokens);
    if (completionTokens > 0) cells.histogram(families.outputTokens).observe(completionTokens);
    if (cachedTokens >= 0) cells.histogram(families.cachedTokens).observe(cachedTokens);
  }

  #countTimes(cells: RequestCells, streams: boolean): void {
    const { families } = this.#report;
    const seconds = (this.#completeAtMs - this.#openedAtMs) / 1000;
    const tokens = this.#usage?.completionTokens ?? Number.NaN;
    cells.histogram(families.requestSeconds).observe(seconds);
    if (tokens > 0) cells.histogram(families.ntpotSeconds).observe(seconds / tokens);
    if (streams && tokens > 1 && this.#pieces > 1) {
      const tpotSeconds = (this.#completeAtMs - this.#firstAtMs) / 1000 / (tokens - 1);
      cells.histogram(families.tpotSeconds).observe(tpotSeconds);
    }
    if (Number.isNaN(this.#headersAtMs)) return;
    this.#report.answerProcessed(streams ? this.#ownMs : this.#completeAtMs - this.#headersAtMs);
  }
}

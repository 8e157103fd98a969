/**
 * Ended spans on their way to the collector: a queue with an end. They go out in small batches, one at a time, never
 * within a pick; what comes while the queue is full is dropped and counted, so that a dead collector costs memory for
 * one queue and nothing else.
 */
import type { ReadableSpan, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";

export interface SpanEvents {
  sent(spans: number): void;
  /** They are gone. */
  failed(spans: number, error: unknown): void;
  dropped(): void;
}

export interface SpanQueueOptions {
  readonly limit?: number;
  /** So long spans are collected before they are sent. */
  readonly delayMs?: number;
}

const LIMIT = 2048;
const DELAY_MS = 1000;
/** Writing that many down takes the picking thread about half a millisecond. */
const BATCH = 64;
/** The success of an export, in OpenTelemetry's count. */
const SUCCESS = 0;

export class SpanQueue implements SpanProcessor {
  readonly #exporter: SpanExporter;
  readonly #events: SpanEvents;
  readonly #limit: number;
  readonly #delayMs: number;
  readonly #spans: ReadableSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isOver = false;

  constructor(
    exporter: SpanExporter,
    events: SpanEvents,
    { limit = LIMIT, delayMs = DELAY_MS }: SpanQueueOptions = {},
  ) {
    this.#exporter = exporter;
    this.#events = events;
    this.#limit = limit;
    this.#delayMs = delayMs;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#isOver) return;
    if (this.#spans.length >= this.#limit) this.#events.dropped();
    else this.#spans.push(span);
    this.#arm();
  }

  /** Sends what is there now. */
  async forceFlush(): Promise<void> {
    await this.#sending;
    while (this.#spans.length > 0) await this.#send();
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    this.#isOver = true;
    clearTimeout(this.#timer);
    await this.#exporter.shutdown();
  }

  #arm(): void {
    if (this.#sending !== undefined || this.#spans.length === 0) return;
    const isFull = this.#spans.length >= BATCH;
    if (this.#timer !== undefined && !isFull) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#send(), isFull ? 0 : this.#delayMs).unref();
  }

  /** Never rejects. */
  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#spans.splice(0, BATCH);
    this.#sending = this.#export(batch).then(() => {
      this.#sending = undefined;
      this.#arm();
    });
    return this.#sending;
  }

  #export(batch: ReadableSpan[]): Promise<void> {
    return new Promise((resolve) => {
      const fail = (error: unknown): void => {
        this.#events.failed(batch.length, error);
        resolve();
      };
      try {
        this.#exporter.export(batch, ({ code, error }) => {
          if (code !== SUCCESS) return fail(error);
          this.#events.sent(batch.length);
          resolve();
        });
      } catch (error) {
        fail(error);
      }
    });
  }
}

/** One GET: hands the plain body of a 200 to its reader, and says once how it ended. */
import type { Dispatcher } from "undici";
import { codingOf, InflatedBody } from "./inflate-body.ts";
import { outcomeOfError, outcomeOfStatus, type ScrapeOutcome } from "./scrape-outcome.ts";

/** Gets the body of an answer in pieces. */
export interface BodyReader {
  /** Another answer begins. */
  reset(): void;
  write(chunk: Buffer): void;
}

/** The text beside an error status is read to its end if it is short, so that the connection can stay. */
const ERROR_TEXT_BYTES = 65_536;

export class PageRequest implements Dispatcher.DispatchHandler {
  readonly #reader: BodyReader;
  readonly #limitBytes: number;
  #settle: ((outcome: ScrapeOutcome) => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #inflated: InflatedBody | undefined;
  #status = 0;
  #receivedBytes = 0;
  #bodyBytes = 0;
  #connected = false;
  #ended = false;
  #problem = "";

  /** `settle` is called once, unless the request is cancelled before; "ok" means that the whole body was handed over. */
  constructor(reader: BodyReader, limitBytes: number, settle: (outcome: ScrapeOutcome) => void) {
    this.#reader = reader;
    this.#limitBytes = limitBytes;
    this.#settle = settle;
    reader.reset();
  }

  /** Of the final answer; 0 before it. */
  get status(): number {
    return this.#status;
  }

  /** Did the request get a connection? */
  get connected(): boolean {
    return this.#connected;
  }

  /** The status or the error that says more than the outcome; "" where there is none. */
  get detail(): string {
    if (this.#problem !== "") return this.#problem;
    return this.#status === 0 || this.#status === 200 ? "" : `HTTP ${this.#status}`;
  }

  /** Did the pod answer in full, whatever it said? */
  get ended(): boolean {
    return this.#ended;
  }

  /** Nothing of the answer counts any more; the caller closes the connection. */
  cancel(): void {
    this.#settle = undefined;
    this.#inflated?.destroy();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#connected = true;
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    if (status !== 200) return;
    const coding = codingOf(headers["content-encoding"]);
    if (coding === "unknown") this.#abort("unreadable");
    else if (Number(headers["content-length"]) > this.#limitBytes) this.#abort("too_large");
    else if (coding !== undefined) this.#inflated = this.#inflate(coding);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settle === undefined) return;
    this.#receivedBytes += chunk.length;
    const wrong = outcomeOfStatus(this.#status);
    if (wrong !== undefined) {
      if (this.#receivedBytes > ERROR_TEXT_BYTES) this.#abort(wrong);
    } else if (this.#receivedBytes > this.#limitBytes) this.#abort("too_large");
    else if (this.#inflated === undefined) this.#reader.write(chunk);
    else if (!this.#inflated.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#settle === undefined) return;
    this.#ended = true;
    if (this.#inflated === undefined) this.#finish(outcomeOfStatus(this.#status) ?? "ok");
    else this.#inflated.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error & { readonly code?: unknown }): void {
    this.#problem = typeof error.code === "string" ? error.code : error.message;
    this.#finish(outcomeOfError(error, this.#status !== 0));
  }

  #inflate(coding: "gzip" | "deflate"): InflatedBody {
    return new InflatedBody(coding, {
      data: (chunk) => {
        this.#bodyBytes += chunk.length;
        if (this.#bodyBytes > this.#limitBytes) this.#abort("too_large");
        else this.#reader.write(chunk);
      },
      end: () => this.#finish("ok"),
      fail: (how) => this.#abort(how),
      drain: () => this.#controller?.resume(),
    });
  }

  /** The rest of the answer is not wanted: settled first, so that the connection's end is no news. */
  #abort(outcome: ScrapeOutcome): void {
    const { ended } = this;
    this.#finish(outcome);
    if (!ended) this.#controller?.abort(new Error(`scrape: ${outcome}`));
  }

  #finish(outcome: ScrapeOutcome): void {
    const settle = this.#settle;
    this.cancel();
    settle?.(outcome);
  }
}

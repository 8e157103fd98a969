/** One GET of a metrics page: hands the chunks to the parser and says once how it ended. */
import type { Dispatcher } from "undici";
import type { MetricsParser } from "./parse-metrics.ts";

/**
 * - ok: the page holds at least one reading
 * - refused: the pod takes no connection, or dropped this one
 * - timeout: no complete page in time
 * - status: an answer other than 200
 * - unreadable: a page that is too large, that holds no reading, or that is no HTTP
 */
export type ScrapeOutcome = "ok" | "refused" | "timeout" | "status" | "unreadable";

/** What the network says of a pod that no client can reach. Anything else may be our own fault. */
const unreachableCodes: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ETIMEDOUT",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
]);

export class PageRequest implements Dispatcher.DispatchHandler {
  readonly #parser: MetricsParser;
  readonly #limitBytes: number;
  #settle: ((outcome: ScrapeOutcome) => void) | undefined;
  #status = 0;
  #receivedBytes = 0;
  #connected = false;
  #ended = false;

  /** `settle` is called once, unless the request is cancelled before. */
  constructor(parser: MetricsParser, limitBytes: number, settle: (outcome: ScrapeOutcome) => void) {
    this.#parser = parser;
    this.#limitBytes = limitBytes;
    this.#settle = settle;
    parser.reset();
  }

  /** Did the request get a connection? */
  get connected(): boolean {
    return this.#connected;
  }

  /** Did the pod answer in full, whatever it said? */
  get ended(): boolean {
    return this.#ended;
  }

  /** Nothing of the answer counts any more; the caller closes the connection. */
  cancel(): void {
    this.#settle = undefined;
  }

  onRequestStart(): void {
    this.#connected = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settle === undefined) return;
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > this.#limitBytes) {
      this.#finish("unreadable");
      controller.abort(new Error("metrics page too large"));
    } else if (this.#status === 200) this.#parser.write(chunk);
  }

  onResponseEnd(): void {
    if (this.#settle === undefined) return;
    this.#ended = true;
    if (this.#status !== 200) this.#finish("status");
    else this.#finish(this.#parser.end() > 0 ? "ok" : "unreadable");
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error & { readonly code?: unknown }): void {
    this.#finish(unreachableCodes.has(error.code) ? "refused" : "unreadable");
  }

  #finish(outcome: ScrapeOutcome): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(outcome);
  }
}

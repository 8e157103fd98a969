/** Counts HTTP requests the way the instrumentation of vLLM's web server does. */
import { Histogram } from "./histogram.ts";
import type { Labels, MetricsPage, Series } from "./metrics-page.ts";

const fineBounds = [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60];
const coarseBounds = [0.1, 0.5, 1];

/** Probes and the page itself are not counted. */
const uncounted: ReadonlySet<string> = new Set(["/metrics", "/health", "/load", "/ping", "/version"]);

export interface CountedRequest {
  /** The path for known routes, "none" for all others, so that clients cannot add series. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly seconds: number;
}

/** A summary without quantiles. */
interface Total {
  count: number;
  sum: number;
}

export class HttpMetrics {
  readonly #requests = new Map<string, [Labels, Total]>();
  readonly #requestBytes = new Map<string, [Labels, Total]>();
  readonly #responseBytes = new Map<string, [Labels, Total]>();
  readonly #seconds = new Map<string, [Labels, Histogram]>();
  readonly #allSeconds = new Histogram(fineBounds);

  /** At the end of a request, however it ended. */
  count({ route, method, status, requestBytes, responseBytes, seconds }: CountedRequest): void {
    if (uncounted.has(route)) return;
    const statusClass = `${Math.floor(status / 100)}xx`;
    addTo(this.#requests, { handler: route, method, status: statusClass }, 1);
    addTo(this.#requestBytes, { handler: route }, requestBytes);
    addTo(this.#responseBytes, { handler: route }, responseBytes);
    this.#allSeconds.observe(seconds);
    const key = `${route} ${method}`;
    let entry = this.#seconds.get(key);
    if (entry === undefined) {
      entry = [{ handler: route, method }, new Histogram(coarseBounds)];
      this.#seconds.set(key, entry);
    }
    entry[1].observe(seconds);
  }

  /** Families without a request yet still show their head. */
  write(page: MetricsPage): void {
    const counts: Series<number>[] = [...this.#requests.values()].map(([labels, total]) => [labels, total.count]);
    page.counter("http_requests", "HTTP requests by route, method and class of status", counts);
    page.summary("http_request_size_bytes", "Content-length of requests by route", [...this.#requestBytes.values()]);
    page.summary("http_response_size_bytes", "Content-length of answers by route", [...this.#responseBytes.values()]);
    page.histogram("http_request_duration_highr_seconds", "Duration of all requests", [[{}, this.#allSeconds]]);
    page.histogram("http_request_duration_seconds", "Duration by route and method", [...this.#seconds.values()]);
  }
}

function addTo(totals: Map<string, [Labels, Total]>, labels: Labels, value: number): void {
  const key = Object.values(labels).join(" ");
  const entry = totals.get(key) ?? [labels, { count: 0, sum: 0 }];
  entry[1].count++;
  entry[1].sum += value;
  totals.set(key, entry);
}

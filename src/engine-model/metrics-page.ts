/** Writes a page in the Prometheus text format, laid out as Python's client library does it. */
import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;
/** One labelled value of a family. */
export type Series<V> = readonly [labels: Labels, value: V];

/** Python prints whole floats with a zero. */
function float(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Label names in alphabetical order, which is what the library prints. */
function braces(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.sort().join(",")}}`;
}

export class MetricsPage {
  readonly #lines: string[] = [];
  readonly #createdSeconds: number;

  /** `createdSeconds`: unix time at which the counters began, told beside each of them. */
  constructor(createdSeconds: number) {
    this.#createdSeconds = createdSeconds;
  }

  gauge(name: string, help: string, series: readonly Series<number>[]): void {
    this.#head(name, help, "gauge");
    this.#samples(name, series);
  }

  /** `name` without the `_total` that the page shows. */
  counter(name: string, help: string, series: readonly Series<number>[]): void {
    this.#head(`${name}_total`, help, "counter");
    this.#samples(`${name}_total`, series);
    this.#created(name, help, series);
  }

  /** Buckets are cumulated here, as the format wants them. */
  histogram(name: string, help: string, series: readonly Series<Histogram>[]): void {
    this.#head(name, help, "histogram");
    for (const [labels, histogram] of series) {
      let cumulated = 0;
      histogram.counts.forEach((count, bucket) => {
        const bound = histogram.bounds[bucket];
        const le = bound === undefined ? "+Inf" : float(bound);
        cumulated += count;
        this.#sample(`${name}_bucket`, { ...labels, le }, cumulated);
      });
      this.#sample(`${name}_count`, labels, histogram.count);
      this.#sample(`${name}_sum`, labels, histogram.sum);
    }
    this.#created(name, help, series);
  }

  /** A summary without quantiles. */
  summary(name: string, help: string, series: readonly Series<{ count: number; sum: number }>[]): void {
    this.#head(name, help, "summary");
    for (const [labels, { count, sum }] of series) {
      this.#sample(`${name}_count`, labels, count);
      this.#sample(`${name}_sum`, labels, sum);
    }
    this.#created(name, help, series);
  }

  /** The page so far. */
  text(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  #head(name: string, help: string, type: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }

  #samples(name: string, series: readonly Series<number>[]): void {
    for (const [labels, value] of series) this.#sample(name, labels, value);
  }

  #sample(name: string, labels: Labels, value: number): void {
    this.#lines.push(`${name}${braces(labels)} ${float(value)}`);
  }

  /** Left out, its head too, while a family has no series. */
  #created(name: string, help: string, series: readonly Series<unknown>[]): void {
    if (series.length === 0) return;
    this.gauge(
      `${name}_created`,
      help,
      series.map(([labels]) => [labels, this.#createdSeconds]),
    );
  }
}

/**
 * Counters and histograms for the hot path: a count is one addition to a number kept by the caller's cell, and text is
 * made only when Prometheus asks. They plug into prom-client's registry beside its own gauges. Families whose values
 * are kept elsewhere anyway, the pods' above all, are read from there and written as text at once.
 */
import type { MetricValue } from "prom-client";

type Labels = Readonly<Record<string, string>>;

export interface Cell {
  value: number;
}

export interface MetricSpec {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** What prom-client's registry asks of a metric when it renders. */
interface Reading {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "histogram";
  readonly values: readonly (MetricValue<string> & { metricName?: string })[];
  readonly aggregator: "sum";
}

export class HotCounter {
  readonly name: string;
  readonly #help: string;
  readonly #cells = new Map<string, Cell & { labels: Labels }>();

  constructor(spec: MetricSpec) {
    this.name = spec.name;
    this.#help = spec.help;
    if (spec.labels.length === 0) this.cell({});
  }

  /** The cell of these labels; ask once and keep it where the path is hot. */
  cell(labels: Labels): Cell {
    const key = keyOf(labels);
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      cell = { value: 0, labels };
      this.#cells.set(key, cell);
    }
    return cell;
  }

  add(labels: Labels, amount = 1): void {
    this.cell(labels).value += amount;
  }

  /** 0 where nobody has counted any. */
  valueOf(labels: Labels): number {
    return this.#cells.get(keyOf(labels))?.value ?? 0;
  }

  async get(): Promise<Reading> {
    const values = [...this.#cells.values()].map(({ labels, value }) => ({ labels, value }));
    return { name: this.name, help: this.#help, type: "counter", values, aggregator: "sum" };
  }
}

function keyOf(labels: Labels): string {
  return Object.values(labels).join("\u0000");
}

export class HotHistogram {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(spec: MetricSpec, bounds: readonly number[]) {
    this.name = spec.name;
    this.#help = spec.help;
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  async get(): Promise<Reading> {
    const values: (MetricValue<string> & { metricName: string })[] = [];
    let total = 0;
    for (const [at, count] of this.#counts.entries()) {
      total += count;
      const le = this.#bounds[at] ?? "+Inf";
      values.push({ labels: { le }, value: total, metricName: `${this.name}_bucket` });
    }
    values.push({ labels: {}, value: this.#sum, metricName: `${this.name}_sum` });
    values.push({ labels: {}, value: total, metricName: `${this.name}_count` });
    return { name: this.name, help: this.#help, type: "histogram", values, aggregator: "sum" };
  }
}

/** Writes one sample; `labels` as they stand in the text, "" for none. NaN, an unknown, is left out. */
export type WriteSample = (labels: string, value: number) => void;

/** A family without values of its own: a callback tells them whenever Prometheus asks. */
export class PolledFamily {
  readonly #spec: MetricSpec;
  readonly #type: "counter" | "gauge";
  #read: (write: WriteSample) => void = () => {};

  constructor(spec: MetricSpec, type: "counter" | "gauge") {
    this.#spec = spec;
    this.#type = type;
  }

  /** From now on this is where the values come from. */
  readFrom(read: (write: WriteSample) => void): void {
    this.#read = read;
  }

  text(): string {
    const { name, help } = this.#spec;
    let text = `# HELP ${name} ${help}\n# TYPE ${name} ${this.#type}\n`;
    this.#read((labels, value) => {
      if (!Number.isNaN(value)) text += `${name}${labels} ${value}\n`;
    });
    return text;
  }
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** A label as a sample's text has it. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
  return `{${pairs.join()}}`;
}

/** A label's value as it stands between its quotes. */
export function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => escapes[char] ?? char);
}

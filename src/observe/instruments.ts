/**
 * Counters, gauges and histograms for the hot path: a count is one addition to a number kept by the caller's cell, and
 * text is made only when Prometheus asks. Families whose values are kept elsewhere anyway, the pods' above all, are read
 * from there and written as text at once.
 */
import { Cells, type Family, headOf, knownLabels, type Labels, type MetricSpec } from "./metric-cells.ts";

export type { Family, MetricSpec };

export interface Cell {
  value: number;
}

export class HotCounter implements Family {
  readonly name: string;
  readonly #head: string;
  readonly #cells = new Cells<Cell>(() => ({ value: 0 }));

  constructor(spec: MetricSpec) {
    this.name = spec.name;
    this.#head = headOf(spec, "counter");
    for (const labels of knownLabels(spec)) this.cell(labels);
  }

  /** The cell of these labels; ask once and keep it where the path is hot. */
  cell(labels: Labels): Cell {
    return this.#cells.at(labels);
  }

  add(labels: Labels, amount = 1): void {
    this.cell(labels).value += amount;
  }

  /** 0 where nobody has counted any. */
  valueOf(labels: Labels): number {
    return this.#cells.known(labels)?.value ?? 0;
  }

  /** What was counted, by the value of one of its labels; those that were never seen are left out. `of` is one further. */
  sums(label: string, of: Labels = {}): Record<string, number> {
    const sums: Record<string, number> = {};
    const wanted = Object.entries(of);
    for (const { labels, cell } of this.#cells.all.values()) {
      if (!wanted.every(([name, value]) => labels[name] === value)) continue;
      const key = labels[label] ?? "";
      if (cell.value > 0) sums[key] = (sums[key] ?? 0) + cell.value;
    }
    return sums;
  }

  *pieces(): Generator<string> {
    yield this.#head;
    for (const { text, cell } of this.#cells.all.values()) yield `${this.name}${text} ${cell.value}\n`;
  }
}

/** A number that is set; one that never was is unknown, and absent. */
export class HotGauge implements Family {
  readonly name: string;
  readonly #head: string;
  readonly #cells = new Cells<Cell>(() => ({ value: Number.NaN }));

  constructor(spec: MetricSpec) {
    this.name = spec.name;
    this.#head = headOf(spec, "gauge");
  }

  set(value: number): void;
  set(labels: Labels, value: number): void;
  set(first: Labels | number, second = Number.NaN): void {
    if (typeof first === "number") this.#cells.at({}).value = first;
    else this.#cells.at(first).value = second;
  }

  *pieces(): Generator<string> {
    yield this.#head;
    for (const { text, cell } of this.#cells.all.values()) {
      if (!Number.isNaN(cell.value)) yield `${this.name}${text} ${cell.value}\n`;
    }
  }
}

/** Writes one sample; `labels` as they stand in the text, "" for none. NaN, an unknown, is left out. */
export type WriteSample = (labels: string, value: number) => void;

/** A family without values of its own: a callback tells them whenever Prometheus asks. */
export class PolledFamily implements Family {
  readonly name: string;
  readonly #head: string;
  #read: (write: WriteSample) => void = () => {};

  constructor(spec: MetricSpec, kind: "counter" | "gauge") {
    this.name = spec.name;
    this.#head = headOf(spec, kind);
  }

  /** From now on this is where the values come from. */
  readFrom(read: (write: WriteSample) => void): void {
    this.#read = read;
  }

  text(): string {
    let text = this.#head;
    this.#read((labels, value) => {
      if (!Number.isNaN(value)) text += `${this.name}${labels} ${value}\n`;
    });
    return text;
  }

  /** One piece: all its samples are of one moment. */
  pieces(): Iterable<string> {
    return [this.text()];
  }
}

/** A histogram for the hot path: what is observed is added to the count of its bucket, and summed up when it is written. */
import { Cells, type Family, headOf, knownLabels, type Labels, type MetricSpec } from "./metric-cells.ts";

class HistogramCell {
  readonly #bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at++;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
  }
}

export type { HistogramCell };

export class HotHistogram implements Family {
  readonly name: string;
  readonly #head: string;
  readonly #bounds: readonly number[];
  readonly #cells: Cells<HistogramCell>;
  /** Of the one without labels. */
  readonly #plain: HistogramCell | undefined;

  constructor(spec: MetricSpec, bounds: readonly number[]) {
    this.name = spec.name;
    this.#head = headOf(spec, "histogram");
    this.#bounds = bounds;
    this.#cells = new Cells(() => new HistogramCell(bounds));
    for (const labels of knownLabels(spec)) this.cell(labels);
    this.#plain = spec.labels.length === 0 ? this.cell({}) : undefined;
  }

  /** Of one without labels. */
  observe(value: number): void {
    this.#plain?.observe(value);
  }

  /** The cell of these labels; ask once and keep it where the path is hot. */
  cell(labels: Labels): HistogramCell {
    return this.#cells.at(labels);
  }

  /** All that was observed: the sum, and how much of it by upper bound; the last count is of what lies above them all. */
  told(): { readonly sum: number; readonly bounds: readonly number[]; readonly counts: readonly number[] } {
    const cells = [...this.#cells.all.values()].map(({ cell }) => cell);
    const counts = Array.from({ length: this.#bounds.length + 1 }, (_, at) =>
      cells.reduce((total, cell) => total + (cell.counts[at] ?? 0), 0),
    );
    return { sum: cells.reduce((total, { sum }) => total + sum, 0), bounds: this.#bounds, counts };
  }

  *pieces(): Generator<string> {
    yield this.#head;
    for (const { text, cell } of this.#cells.all.values()) yield this.#samples(text, cell);
  }

  #samples(labels: string, { counts, sum }: HistogramCell): string {
    const { name } = this;
    const before = labels === "" ? "{" : `${labels.slice(0, -1)},`;
    let text = "";
    let total = 0;
    for (const [at, count] of counts.entries()) {
      total += count;
      text += `${name}_bucket${before}le="${this.#bounds[at] ?? "+Inf"}"} ${total}\n`;
    }
    return `${text}${name}_sum${labels} ${sum}\n${name}_count${labels} ${total}\n`;
  }
}

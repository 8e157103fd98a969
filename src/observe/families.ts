/**
 * Families of metrics whose labels take many values: cells by label values, and their text when Prometheus asks, in
 * pieces so that whoever puts them together can let requests in between. A
 * family may have a twin, the same numbers under an older name with some of its labels, added up while the text is made.
 */
import { type Cell, escapeLabel } from "./instruments.ts";

export type { Cell };

export interface FamilySpec {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly twin?: Twin;
}

export interface Twin {
  readonly name: string;
  readonly labels: readonly string[];
  /** Of each of these labels, its place among those of the family. */
  readonly from: readonly number[];
}

/** Label values in the order of the family's labels. */
export type Values = readonly string[];

/** Writes a sample. NaN, an unknown, is left out. */
export type WriteValue = (values: Values, value: number) => void;

/** No value contains it: BoundedLabel sees to those that clients write. */
const BETWEEN = "\u0000";

class Cells<C> {
  readonly all = new Map<string, { readonly values: Values; readonly cell: C }>();
  readonly #make: () => C;

  constructor(make: () => C) {
    this.#make = make;
  }

  at(values: Values): C {
    const key = values.length === 1 ? (values[0] ?? "") : values.join(BETWEEN);
    const known = this.all.get(key);
    if (known !== undefined) return known.cell;
    const cell = this.#make();
    this.all.set(key, { values, cell });
    return cell;
  }
}

/** A family of counters or gauges: of cells, or of values that are kept elsewhere. */
export class ValueFamily {
  readonly #spec: FamilySpec;
  readonly #kind: "counter" | "gauge";
  readonly #cells = new Cells<Cell>(() => ({ value: 0 }));
  #read: ((write: WriteValue) => void) | undefined;

  constructor(spec: FamilySpec, kind: "counter" | "gauge") {
    this.#spec = spec;
    this.#kind = kind;
  }

  /** Ask once and keep it where the path is hot. */
  cell(values: Values): Cell {
    return this.#cells.at(values);
  }

  /** From now on this is where the values come from. */
  readFrom(read: (write: WriteValue) => void): void {
    this.#read = read;
  }

  text(): string {
    return [...this.pieces()].join("");
  }

  /** Its text, a sample at a time; nothing yet while samples are added up. */
  *pieces(): Generator<string> {
    const { name, labels, twin } = this.#spec;
    const own = new Map<string, number>();
    const added = new Map<string, number>();
    for (const { values, value } of this.#samples()) {
      own.set(labelsText(labels, values), value);
      if (twin !== undefined) {
        const text = labelsText(twin.labels, picked(twin, values));
        added.set(text, (added.get(text) ?? 0) + value);
      }
      yield "";
    }
    yield this.#head(name);
    yield* lines(name, own);
    if (twin === undefined) return;
    yield this.#head(twin.name);
    yield* lines(twin.name, added);
  }

  /** All of one moment: what is written later does not add up with what was written before. */
  #samples(): { readonly values: Values; readonly value: number }[] {
    const samples: { values: Values; value: number }[] = [];
    this.#each((values, value) => {
      if (!Number.isNaN(value)) samples.push({ values, value });
    });
    return samples;
  }

  #each(write: WriteValue): void {
    for (const { values, cell } of this.#cells.all.values()) write(values, cell.value);
    this.#read?.(write);
  }

  #head(name: string): string {
    return `# HELP ${name} ${this.#spec.help}\n# TYPE ${name} ${this.#kind}\n`;
  }
}

export class HistogramCell {
  readonly #bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Several `times` at once, where so many are known by their mean alone. */
  observe(value: number, times = 1): void {
    const bounds = this.#bounds;
    // Halving: the longest of these lists has 35 bounds.
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value > (bounds[middle] ?? 0)) low = middle + 1;
      else high = middle;
    }
    this.counts[low] = (this.counts[low] ?? 0) + times;
    this.sum += value * times;
  }

  add(other: HistogramCell): void {
    for (const [at, count] of other.counts.entries()) this.counts[at] = (this.counts[at] ?? 0) + count;
    this.sum += other.sum;
  }
}

export class HistogramFamily {
  readonly #spec: FamilySpec;
  readonly #bounds: readonly number[];
  readonly #cells: Cells<HistogramCell>;

  constructor(spec: FamilySpec, bounds: readonly number[]) {
    this.#spec = spec;
    this.#bounds = bounds;
    this.#cells = new Cells(() => new HistogramCell(bounds));
  }

  /** Ask once and keep it where the path is hot. */
  cell(values: Values): HistogramCell {
    return this.#cells.at(values);
  }

  text(): string {
    return [...this.pieces()].join("");
  }

  /** Its text, a cell at a time. */
  *pieces(): Generator<string> {
    const { name, labels, twin } = this.#spec;
    yield this.#head(name);
    const added = new Cells(() => new HistogramCell(this.#bounds));
    for (const { values, cell } of this.#cells.all.values()) {
      if (twin !== undefined) added.at(picked(twin, values)).add(cell);
      yield this.#samples(name, pairs(labels, values), cell);
    }
    if (twin === undefined) return;
    yield this.#head(twin.name);
    for (const { values, cell } of added.all.values()) yield this.#samples(twin.name, pairs(twin.labels, values), cell);
  }

  #samples(name: string, labels: string, cell: HistogramCell): string {
    const before = labels === "" ? "" : `${labels},`;
    const braced = labels === "" ? "" : `{${labels}}`;
    let text = "";
    let total = 0;
    for (const [at, count] of cell.counts.entries()) {
      total += count;
      text += `${name}_bucket{${before}le="${boundText(this.#bounds[at])}"} ${total}\n`;
    }
    return `${text}${name}_sum${braced} ${cell.sum}\n${name}_count${braced} ${total}\n`;
  }

  #head(name: string): string {
    return `# HELP ${name} ${this.#spec.help}\n# TYPE ${name} histogram\n`;
  }
}

function picked({ from }: Twin, values: Values): Values {
  return from.map((at) => values[at] ?? "");
}

function* lines(name: string, samples: ReadonlyMap<string, number>): Generator<string> {
  for (const [labels, value] of samples) yield `${name}${labels} ${value}\n`;
}

function labelsText(labels: readonly string[], values: Values): string {
  return labels.length === 0 ? "" : `{${pairs(labels, values)}}`;
}

/** In the order of their names, as the Go client writes them. */
function pairs(labels: readonly string[], values: Values): string {
  const written = labels.map((label, at) => `${label}="${escapeLabel(values[at] ?? "")}"`);
  return written.sort().join(",");
}

/** As the Go client writes it: `le` is a text to those that compare it. */
function boundText(bound: number | undefined): string {
  if (bound === undefined) return "+Inf";
  if (bound < 1e6) return String(bound);
  return bound.toExponential().replace(/e\+(\d)$/, "e+0$1");
}

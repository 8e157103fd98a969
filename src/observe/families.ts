/**
 * Families of metrics whose labels take many values: cells by label values, and their text when Prometheus asks, in
 * pieces so that whoever puts them together can let requests in between. A
 * family may have a twin, the same numbers under an older name with some of its labels, added up while the text is made.
 */
import type { Cell } from "./instruments.ts";
import { escapeLabel, type Family } from "./metric-cells.ts";

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

/** A cell with its labels as the page has them, its twin's beside them; made once. */
interface Written<C> {
  readonly cell: C;
  readonly labels: string;
  readonly twinLabels: string;
}

class Cells<C> {
  /** In the order they were made in. */
  readonly all: Written<C>[] = [];
  readonly #byKey = new Map<string, C>();
  readonly #spec: Pick<FamilySpec, "labels" | "twin">;
  readonly #make: () => C;

  constructor(spec: Pick<FamilySpec, "labels" | "twin">, make: () => C) {
    this.#spec = spec;
    this.#make = make;
  }

  at(values: Values): C {
    const key = keyOf(values);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const cell = this.#make();
    this.#byKey.set(key, cell);
    this.all.push({ cell, ...labelsOf(this.#spec, values) });
    return cell;
  }
}

function keyOf(values: Values): string {
  return values.length === 1 ? (values[0] ?? "") : values.join(BETWEEN);
}

function labelsOf({ labels, twin }: Pick<FamilySpec, "labels" | "twin">, values: Values) {
  return {
    labels: pairs(labels, values),
    twinLabels: twin === undefined ? "" : pairs(twin.labels, picked(twin, values)),
  };
}

/** A family of counters or gauges: of cells, or of values that are kept elsewhere. */
export class ValueFamily implements Family {
  readonly #spec: FamilySpec;
  readonly #kind: "counter" | "gauge";
  readonly #cells: Cells<Cell>;
  #read: ((write: WriteValue) => void) | undefined;
  /** By their values: most of them are told again, and keep their labels. */
  #toldLast: ReadonlyMap<string, Written<Cell>> = new Map();

  constructor(spec: FamilySpec, kind: "counter" | "gauge") {
    this.#spec = spec;
    this.#kind = kind;
    this.#cells = new Cells(spec, () => ({ value: 0 }));
  }

  get name(): string {
    return this.#spec.name;
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

  /** Its text, a sample at a time. All samples are of one moment: what is written later must add up with what was before. */
  *pieces(): Generator<string> {
    const { name, twin } = this.#spec;
    const cells = this.#read === undefined ? this.#cells.all : [...this.#cells.all, ...this.#told(this.#read)];
    const values = new Float64Array(cells.length);
    for (let at = 0; at < values.length; at++) values[at] = cells[at]?.cell.value ?? 0;
    yield headOf(this.#spec, name, this.#kind);
    for (let at = 0; at < values.length; at++) yield sample(name, cells[at]?.labels, values[at]);
    if (twin === undefined) return;
    const added = new Map<string, number>();
    for (let at = 0; at < values.length; at++) {
      const { twinLabels = "" } = cells[at] ?? {};
      added.set(twinLabels, (added.get(twinLabels) ?? 0) + (values[at] ?? 0));
      yield "";
    }
    yield headOf(this.#spec, twin.name, this.#kind);
    for (const [labels, value] of added) yield sample(twin.name, labels, value);
  }

  /** What is kept elsewhere. */
  #told(read: (write: WriteValue) => void): Written<Cell>[] {
    const told = new Map<string, Written<Cell>>();
    read((values, value) => {
      if (Number.isNaN(value)) return;
      const key = keyOf(values);
      const { labels, twinLabels } = this.#toldLast.get(key) ?? labelsOf(this.#spec, values);
      told.set(key, { cell: { value }, labels, twinLabels });
    });
    this.#toldLast = told;
    return [...told.values()];
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

export class HistogramFamily implements Family {
  readonly #spec: FamilySpec;
  readonly #bounds: readonly number[];
  /** As the Go client writes them, each with the end of its line up to the count. */
  readonly #ends: readonly string[];
  readonly #cells: Cells<HistogramCell>;

  constructor(spec: FamilySpec, bounds: readonly number[]) {
    this.#spec = spec;
    this.#bounds = bounds;
    this.#ends = [...bounds, undefined].map((bound) => `le="${boundText(bound)}"} `);
    this.#cells = new Cells(spec, () => new HistogramCell(bounds));
  }

  get name(): string {
    return this.#spec.name;
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
    const { name, twin } = this.#spec;
    yield headOf(this.#spec, name, "histogram");
    const added = new Map<string, HistogramCell>();
    for (const { labels, twinLabels, cell } of this.#cells.all) {
      if (twin !== undefined) {
        const sum = added.get(twinLabels) ?? new HistogramCell(this.#bounds);
        sum.add(cell);
        added.set(twinLabels, sum);
      }
      yield this.#samples(name, labels, cell);
    }
    if (twin === undefined) return;
    yield headOf(this.#spec, twin.name, "histogram");
    for (const [labels, cell] of added) yield this.#samples(twin.name, labels, cell);
  }

  #samples(name: string, labels: string, cell: HistogramCell): string {
    const before = `${name}_bucket{${labels === "" ? "" : `${labels},`}`;
    let text = "";
    let total = 0;
    for (const [at, end] of this.#ends.entries()) {
      total += cell.counts[at] ?? 0;
      text += `${before}${end}${total}\n`;
    }
    return text + sample(`${name}_sum`, labels, cell.sum) + sample(`${name}_count`, labels, total);
  }
}

function headOf({ help }: FamilySpec, name: string, kind: "counter" | "gauge" | "histogram"): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
}

function picked({ from }: Twin, values: Values): Values {
  return from.map((at) => values[at] ?? "");
}

function sample(name: string, labels = "", value = 0): string {
  return labels === "" ? `${name} ${value}\n` : `${name}{${labels}} ${value}\n`;
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

/** What every kind of metric is made of: its declaration, its cells by the values of labels, and how these are written. */

export type Labels = Readonly<Record<string, string>>;

export interface MetricSpec {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Of labels that take few values, all of them: such series are there, at zero, before anything is counted. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
}

/** A metric as the page has it; its text comes in pieces, so that whoever puts them together can let others in. */
export interface Family {
  readonly name: string;
  pieces(): Iterable<string>;
}

/** The cells of one metric by the values of their labels, each with its labels as they stand in the text. */
export class Cells<C extends object> {
  readonly all = new Map<string, { readonly labels: Labels; readonly text: string; readonly cell: C }>();
  readonly #make: () => C;

  constructor(make: () => C) {
    this.#make = make;
  }

  at(labels: Labels): C {
    const key = keyOf(labels);
    const known = this.all.get(key);
    if (known !== undefined) return known.cell;
    const cell = this.#make();
    this.all.set(key, { labels, text: labelsText(labels), cell });
    return cell;
  }

  /** Undefined where nobody has asked for it yet. */
  known(labels: Labels): C | undefined {
    return this.all.get(keyOf(labels))?.cell;
  }
}

export function headOf({ name, help }: MetricSpec, kind: "counter" | "gauge" | "histogram"): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
}

function keyOf(labels: Labels): string {
  return Object.values(labels).join("\u0000");
}

/** The labels of series that are there from the start: every combination, where all values of all labels are known. */
export function knownLabels({ labels, values = {} }: MetricSpec): Labels[] {
  let known: Record<string, string>[] = [{}];
  for (const label of labels)
    known = known.flatMap((each) => (values[label] ?? []).map((v) => ({ ...each, [label]: v })));
  return known;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** Labels as a sample's text has them; "" for none. */
export function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join()}}`;
}

/** A label's value as it stands between its quotes. */
export function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => escapes[char] ?? char);
}

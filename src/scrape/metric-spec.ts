/** Reads the way a metric is written down in engines.ts and in configurations: `name{label=value, ...}[label]`. */

export interface LabelMatch {
  readonly label: string;
  /** "" matches an empty label as well as an absent one. */
  readonly value: string;
}

export interface MetricSpec {
  readonly name: string;
  /** Only series with all of these are read. */
  readonly where: readonly LabelMatch[];
  /** The label that holds the number; "" where it is the value of the series. */
  readonly numberLabel: string;
}

const shape = /^([A-Za-z_:][\w:]*)\s*(?:\{([^{}]*)\})?\s*(?:\[(\w+)\])?$/;
const matchShape = /^(\w+)\s*=\s*"?([^"]*)"?$/;

/** undefined: not written like a metric. Quotes round a value may be left out; a value holds no comma. */
export function parseMetricSpec(text: string): MetricSpec | undefined {
  const parts = shape.exec(text.trim());
  if (parts === null) return undefined;
  const [, name = "", selector = "", numberLabel = ""] = parts;
  const where: LabelMatch[] = [];
  for (const piece of selector.split(",")) {
    if (piece.trim() === "") continue;
    const match = matchShape.exec(piece.trim());
    if (match === null) return undefined;
    where.push({ label: match[1] ?? "", value: (match[2] ?? "").trim() });
  }
  return { name, where, numberLabel };
}

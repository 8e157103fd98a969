/** A page of metrics, taken apart: its families, and the samples of each. */
import { readFileSync } from "node:fs";

export interface Family {
  readonly name: string;
  readonly kind: string;
  /** Of its samples, without `le`; empty where it has none. */
  readonly labels: readonly string[];
  /** Of a histogram, as they are written. */
  readonly bounds: readonly string[];
  readonly lines: readonly string[];
}

export function familiesOf(page: string): Map<string, Family> {
  const lines = page.split("\n");
  const families = new Map<string, Family>();
  for (const [, name = "", kind = ""] of page.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const suffix = kind === "histogram" ? "_(bucket|sum|count)" : "";
    const own = lines.filter((line) => new RegExp(`^${name}${suffix}[ {]`).test(line));
    const labels = own.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, label = ""]) => label));
    const bounds = own.flatMap((line) => /le="([^"]+)"/.exec(line)?.[1] ?? []);
    const set = new Set(labels.filter((label) => label !== "le"));
    families.set(name, {
      ...{ name, kind, labels: [...set].sort(), lines: own },
      bounds: [...new Set(bounds)].filter((bound) => bound !== "+Inf"),
    });
  }
  return families;
}

/** The families that the Go picker has, as far as they are emitted: names, kinds, labels and bounds. */
export function goFamilyList(): Omit<Family, "lines">[] {
  const file = new URL("../fixtures/foreign/metric-families.txt", import.meta.url);
  const rows = readFileSync(file, "utf8").trim().split("\n");
  return rows.map((row) => {
    const [name = "", kind = "", labels = "-", bounds = ""] = row.split(" ");
    return {
      ...{ name, kind },
      labels: labels === "-" ? [] : labels.split(","),
      bounds: bounds === "" ? [] : bounds.split(","),
    };
  });
}

/** Figures of the benches as a markdown table, and where they are kept: between markers in bench/RESULTS.md. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";

const resultsFile = fileURLToPath(new URL("../RESULTS.md", import.meta.url));

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (upper + lower) / 2;
}

/** `median (min-max)`, whole numbers from 10 on. */
export function spread(values: readonly number[]): string {
  const show = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toString());
  return `${show(median(values))} (${show(Math.min(...values))}-${show(Math.max(...values))})`;
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** What a figure depends on beside the code. */
export function machine(): string {
  const date = new Date().toISOString().slice(0, 10);
  const [first] = cpus();
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return `${date}, Node ${process.versions.node}, ${cpus().length} x ${first?.model ?? "unknown CPU"}, load ${load}`;
}

/** Replaces what stands between the markers of `section`, or adds the section at the end. */
export function writeSection(section: string, content: string): void {
  const begin = `<!-- ${section}:begin -->`;
  const end = `<!-- ${section}:end -->`;
  const old = existsSync(resultsFile) ? readFileSync(resultsFile, "utf8") : "# Results\n";
  const from = old.indexOf(begin);
  const to = old.indexOf(end);
  const block = `${begin}\n${content}\n${end}`;
  const isThere = from !== -1 && to > from;
  const text = isThere ? old.slice(0, from) + block + old.slice(to + end.length) : `${old.trimEnd()}\n\n${block}\n`;
  writeFileSync(resultsFile, text);
}

/** Writes the columns that only some scorers ask for, and that no page has to tell: gauges as they are, means of counters. */
import type { PodColumn } from "../pods/columns.ts";
import type { Slot } from "../pods/pod-table.ts";
import { extraNames, factNames, meanNames, readingNames } from "./engines.ts";

export const extraColumns = [...extraNames, ...meanNames] as const satisfies readonly PodColumn[];

const EXTRAS_AT = readingNames.length + factNames.length;
const SUMS_AT = EXTRAS_AT + extraNames.length;
const COUNTS_AT = SUMS_AT + meanNames.length;

/** `numbers` in the order of numberNames. Before the first request there is no mean. */
export function writeExtras(columns: Record<PodColumn, Float64Array>, slot: Slot, numbers: Float64Array): void {
  for (const [i, name] of extraNames.entries()) columns[name][slot] = numbers[EXTRAS_AT + i] ?? Number.NaN;
  for (const [i, name] of meanNames.entries()) {
    columns[name][slot] = (numbers[SUMS_AT + i] ?? Number.NaN) / (numbers[COUNTS_AT + i] ?? Number.NaN);
  }
}

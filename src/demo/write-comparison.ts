/** What a run showed, in plain words and from its own numbers, whichever fleet they favour. */
import type { Tally } from "./tally.ts";

export interface FleetResult {
  readonly tally: Tally;
  readonly requests: number;
  /** Names of the pods, in the order to list them. */
  readonly pods: readonly string[];
}

export interface Comparison {
  readonly roundRobin: FleetResult;
  readonly picker: FleetResult;
  readonly envoyVersion: string;
  readonly seed: number;
}

/** Below this the difference is called none: two runs of one fleet differ by as much. */
const noticeableShare = 0.03;

/** The lines of the summary. */
export function writeComparison({ roundRobin, picker, envoyVersion, seed }: Comparison): string[] {
  const { requests, pods } = picker;
  return [
    `The same ${requests} requests (seed ${seed}), through Envoy ${envoyVersion},`,
    `to two equal fleets of ${pods.length} simulated pods:`,
    "",
    `  ${row("", "succeeded", "TTFT mean", "p50", "p95", "from cache")}`,
    `  ${fleetRow("round robin", roundRobin)}`,
    `  ${fleetRow("pointsman", picker)}`,
    "",
    `  picks per pod: round robin ${picksOf(roundRobin)}, pointsman ${picksOf(picker)}`,
    "",
    ...failureSentences("round robin", roundRobin),
    ...failureSentences("the picker", picker),
    ...verdict(roundRobin.tally, picker.tally),
  ];
}

export function seconds(ms: number): string {
  return Number.isNaN(ms) ? "-" : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export function percent(share: number): string {
  return Number.isNaN(share) ? "-" : `${Math.round(share * 100)} %`;
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(12) + cells.map((cell) => cell.padStart(12)).join("");
}

function fleetRow(name: string, { tally, requests }: FleetResult): string {
  const times = [tally.meanTtftMs, tally.ttftMs(0.5), tally.ttftMs(0.95)].map(seconds);
  return row(name, `${tally.succeeded} of ${requests}`, ...times, percent(tally.cachedShare));
}

function picksOf({ tally, pods }: FleetResult): string {
  return pods.map((pod) => tally.picksOf(pod)).join("/");
}

function failureSentences(name: string, { tally, requests }: FleetResult): string[] {
  const { failed, firstFault = "no answer" } = tally;
  if (failed === 0) return [];
  return [
    `Behind ${name} ${failed} of ${requests} requests failed: ${firstFault}.`,
    "The times are those of the others.",
  ];
}

function verdict(before: Tally, after: Tally): string[] {
  if (before.succeeded === 0 || after.succeeded === 0)
    return ["There is nothing to compare: a fleet answered nothing."];
  const [oldP95, newP95] = [before.ttftMs(0.95), after.ttftMs(0.95)];
  const slowTail = newP95 > oldP95 * (1 + noticeableShare);
  return [
    `Behind the picker the first token came after ${seconds(after.meanTtftMs)} on average,`,
    `behind round robin after ${seconds(before.meanTtftMs)}: ${difference(after.meanTtftMs / before.meanTtftMs - 1)}.`,
    ...(slowTail
      ? [`The slowest twentieth waited longer, though: ${seconds(newP95)} instead of ${seconds(oldP95)}.`]
      : []),
    `Of the prompt tokens ${percent(after.cachedShare)} came from a pod's cache instead of ${percent(before.cachedShare)}.`,
  ];
}

function difference(change: number): string {
  if (Math.abs(change) < noticeableShare) return "no difference to speak of";
  return change < 0 ? `${percent(-change)} sooner` : `${percent(change)} later, so no gain in this run`;
}

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
    `The same ${requests} requests (seed ${seed}) to two equal fleets of ${pods.length} pods, through Envoy ${envoyVersion}:`,
    "",
    `  ${row("", "succeeded", "TTFT mean", "p50", "p95", "from cache")}`,
    `  ${fleetRow("round robin", roundRobin)}`,
    `  ${fleetRow("pointsman", picker)}`,
    "",
    `  picks per pod: round robin ${picksOf(roundRobin)}, pointsman ${picksOf(picker)}`,
    "",
    ...failureSentences("round robin", roundRobin),
    ...failureSentences("the picker", picker),
    ttftSentence(roundRobin.tally, picker.tally),
    cacheSentence(roundRobin.tally, picker.tally),
  ];
}

export function seconds(ms: number): string {
  return Number.isNaN(ms) ? "-" : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export function percent(share: number): string {
  return Number.isNaN(share) ? "-" : `${Math.round(share * 100)} %`;
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(12) + cells.map((cell, index) => cell.padStart(index === 0 ? 12 : 11)).join("");
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
    `Behind ${name} ${failed} of ${requests} requests failed (${firstFault}); the times are those of the others.`,
  ];
}

function ttftSentence(before: Tally, after: Tally): string {
  if (before.succeeded === 0 || after.succeeded === 0)
    return "One fleet answered nothing: there is nothing to compare.";
  const change = after.meanTtftMs / before.meanTtftMs - 1;
  const both = `after ${seconds(after.meanTtftMs)} on average`;
  const other = `${seconds(before.meanTtftMs)} behind round robin`;
  if (Math.abs(change) < noticeableShare)
    return `Behind the picker the first token came ${both}, no different from ${other}.`;
  if (change < 0) {
    return `Behind the picker the first token came ${both} instead of ${other} (${percent(-change)} sooner).`;
  }
  return `Behind the picker the first token came ${both}, later than the ${other} (${percent(change)}): no gain in this run.`;
}

function cacheSentence(before: Tally, after: Tally): string {
  return `${percent(after.cachedShare)} of the prompt tokens came from a pod's cache; behind round robin ${percent(before.cachedShare)}.`;
}

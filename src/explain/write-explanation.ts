/** An Explanation as text for a terminal: the sentence first, then the candidates as a table. */
import type { ExplainedCandidate, Explanation } from "./explanation.ts";
import { shortNumber } from "./short-number.ts";

/** The picked one is shown whatever its place. */
const MOST_ROWS = 40;

export function writeExplanation(told: Explanation): string[] {
  const { outcome, sentence, pool, model, reason, strategy, seed, milliseconds, candidates, absent } = told;
  const about = [
    `pool ${pool === "" ? "unknown" : pool}`,
    `model ${model === "" ? "unknown" : model}`,
    ...(strategy === undefined ? [] : [`strategy ${strategy}`]),
    `reason ${reason}`,
    ...(told.priority === undefined ? [] : [`priority ${told.priority}`]),
    `seed ${seed}`,
    `${milliseconds} ms`,
    ...(told.shadow ? ["watched only"] : []),
  ];
  const head = outcome.kind === "picked" ? `${outcome.pod} (${outcome.address})` : `refused: ${outcome.code}`;
  return [
    head,
    sentence,
    about.join(", "),
    ...(candidates.length === 0 ? [] : ["", ...tableOf(told)]),
    ...(absent.length === 0 ? [] : ["", "No candidates:", ...absent.map(({ pod, why }) => `  ${pod}: ${why}`)]),
  ];
}

function tableOf({ candidates, scorers }: Explanation): string[] {
  const signals = Object.keys(candidates[0]?.signals ?? {});
  const head = ["", "pod", "sum", ...scorers.map(({ name, weight }) => `${name} x${short(weight)}`), ...signals, "age"];
  const ordered = [...candidates].sort((one, other) => one.place - other.place);
  const shown = ordered.filter(({ isPicked }, at) => at < MOST_ROWS || isPicked);
  const rows = shown.map((each) => rowOf(each, signals));
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => (row[at] ?? "").length)));
  const lineOf = (row: readonly string[]) =>
    row
      .map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd();
  const more = ordered.length - rows.length;
  return [lineOf(head), ...rows.map(lineOf), ...(more > 0 ? [`and ${more} more`] : [])];
}

function rowOf(candidate: ExplainedCandidate, names: readonly string[]): string[] {
  const { pod, total, isPicked, scores, signals, ageMs } = candidate;
  const mark = isPicked ? ">" : "";
  const age = ageMs === null ? "-" : `${(ageMs / 1000).toFixed(1)} s`;
  return [
    mark,
    `${pod}${stateWords(candidate)}`,
    short(total),
    ...scores.map(known),
    ...names.map((name) => known(signals[name] ?? null)),
    age,
  ];
}

function stateWords({ reachable, setAside, newcomer }: ExplainedCandidate): string {
  if (!reachable) return " (does not answer)";
  if (setAside) return " (set aside)";
  return newcomer ? " (new)" : "";
}

function known(value: number | null): string {
  return value === null ? "-" : short(value);
}

function short(value: number): string {
  return shortNumber(value, 3);
}

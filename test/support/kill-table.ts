/** What clients saw of a picker that was killed or stopped: summed up from timed requests, and put into words for the docs. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Timed } from "./timed-load.ts";

export interface Seen {
  readonly before: readonly string[];
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of requests sent after the signal alone: no picker has seen them. */
  readonly outcomesOfLater: readonly string[];
  /** From the signal until a client saw the last failure; 0 where none failed. */
  readonly lastFailureMs: number;
  readonly longestMs: number;
  /** Of requests sent when Envoy must have noticed. */
  readonly longestLaterMs: number;
}

export function seenOf(timed: readonly Timed[], signalAtMs: number, noticedMs: number): Seen {
  const before = timed.filter(({ endedAtMs }) => endedAtMs < signalAtMs);
  const after = timed.filter(({ endedAtMs }) => endedAtMs >= signalAtMs);
  const failed = after.filter(({ outcome }) => outcome !== "200");
  const longest = (some: readonly Timed[]) =>
    Math.round(Math.max(0, ...some.map((one) => one.endedAtMs - one.sentAtMs)));
  const outcomes: Record<string, number> = {};
  for (const { outcome } of after) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return {
    before: [...new Set(before.map(({ outcome }) => outcome))],
    outcomes,
    outcomesOfLater: [...new Set(timed.filter(({ sentAtMs }) => sentAtMs > signalAtMs).map(({ outcome }) => outcome))],
    lastFailureMs: Math.round(Math.max(0, ...failed.map(({ endedAtMs }) => endedAtMs - signalAtMs))),
    longestMs: longest(after),
    longestLaterMs: longest(after.filter(({ sentAtMs }) => sentAtMs - signalAtMs > noticedMs)),
  };
}

const seconds = (ms: number) => `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`;

/** "all 200, in 0.1 s at most", "503 for 0.5 s, then all 200", "503, in 3.1 s at most". */
export function inWords({ outcomes, lastFailureMs, longestMs }: Seen, goesOn: boolean): string {
  const failures = Object.keys(outcomes).filter((outcome) => outcome !== "200");
  if (failures.length === 0) return `all 200, the slowest after ${seconds(longestMs)}`;
  if (goesOn) return `${failures.join(", ")} for ${seconds(lastFailureMs)}, then all 200`;
  return `${failures.join(", ")}, the slowest after ${seconds(longestMs)}`;
}

const readme = new URL("../../deploy/envoy/README.md", import.meta.url);
const BEGIN = "<!-- measured: picker-gone -->\n";
const END = "<!-- /measured -->";

/** Puts the rows where the document keeps them. */
export function writeKillTable(modes: readonly string[], rows: readonly (readonly string[])[]): void {
  const text = readFileSync(readme, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error("deploy/envoy/README.md has no place for the table");
  const head = ["Config", "Envoy", "Picker", ...modes.map((mode) => `\`${mode}\``)];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  writeFileSync(readme, `${text.slice(0, begin + BEGIN.length)}\n${lines.join("\n")}\n\n${text.slice(end)}`);
}

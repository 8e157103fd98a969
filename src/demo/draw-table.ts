/** The live table: what both fleets have done so far, and how each pod of one of them is doing. Text only, 80 columns. */
import type { Tally } from "./tally.ts";
import { percent, seconds } from "./write-comparison.ts";

export interface FleetLine {
  readonly name: string;
  readonly tally: Tally;
  /** 0 where there is no end to count towards. */
  readonly requests: number;
  readonly state: "next" | "running" | "done";
}

export interface PodLine {
  readonly name: string;
  readonly waiting: number;
  readonly running: number;
  /** Shares are 0..1. */
  readonly kvUsage: number;
  readonly cachedShare: number;
  readonly picks: number;
  readonly state: string;
  readonly alive: boolean;
}

export interface Table {
  readonly title: string;
  readonly fleets: readonly FleetLine[];
  /** Whose pods these are. */
  readonly podsOf: string;
  readonly pods: readonly PodLine[];
  readonly footer: readonly string[];
}

type Style = "bold" | "dim" | "green" | "yellow" | "red";
export type Paint = (style: Style, text: string) => string;

const codes: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

export const paintAnsi: Paint = (style, text) => `\x1b[${codes[style]}m${text}\x1b[0m`;
export const paintNothing: Paint = (_style, text) => text;

export function drawTable({ title, fleets, podsOf, pods, footer }: Table, paint: Paint): string[] {
  return [
    "",
    paint("bold", title),
    "",
    paint("dim", fleetColumns("fleet", "requests", ["TTFT p50", "TTFT p95", "from cache"], "failed").join("")),
    ...fleets.map((line) => drawFleet(line, paint)),
    "",
    paint(
      "dim",
      `${podColumns(`${podsOf} pods`, ["waiting", "running"], "KV in use", "cache hits", "picks").join("")}state`,
    ),
    ...pods.map((line) => drawPod(line, paint)),
    ...(footer.length > 0 ? ["", ...footer] : []),
  ];
}

type Numbers = readonly [p50: string, p95: string, cached: string];

/** All but the last column, and the last one. */
function fleetColumns(name: string, progress: string, [p50, p95, cached]: Numbers, failed: string): [string, string] {
  const numbers = `${p50.padStart(8)}${p95.padStart(10)}${cached.padStart(12)}`;
  return [`${name.padEnd(13)}${progress.padEnd(29)}${numbers}`, failed.padStart(8)];
}

function drawFleet({ name, tally, requests, state }: FleetLine, paint: Paint): string {
  const { answered, failed } = tally;
  const progress = requests === 0 ? `${answered}` : `${bar(answered / requests, 14)} ${answered} of ${requests}`;
  const numbers: Numbers = [seconds(tally.ttftMs(0.5)), seconds(tally.ttftMs(0.95)), percent(tally.cachedShare)];
  const [text, failures] = fleetColumns(name, progress, numbers, `${failed}`);
  const style = { next: "dim", running: "green", done: undefined } as const;
  const shown = style[state] === undefined ? text : paint(style[state], text);
  return shown + (failed > 0 ? paint("red", failures) : failures);
}

/** Name, queue, and the rest up to the state. */
function podColumns(
  name: string,
  [waiting, running]: readonly [string, string],
  kv: string,
  cached: string,
  picks: string,
): [string, string, string] {
  const rest = `${running.padStart(9)}  ${kv.padEnd(15)}${cached.padStart(12)}${picks.padStart(7)}  `;
  return [name.padEnd(18), waiting.padStart(7), rest];
}

function drawPod({ waiting, running, kvUsage, cachedShare, picks, state, alive, name }: PodLine, paint: Paint): string {
  const kv = alive ? `${bar(kvUsage, 9)} ${percent(kvUsage).padStart(5)}` : "";
  const queue: readonly [string, string] = alive ? [`${waiting}`, `${running}`] : ["-", "-"];
  const [head, middle, rest] = podColumns(name, queue, kv, percent(cachedShare), `${picks}`);
  if (!alive) return paint("red", head) + paint("dim", middle + rest) + paint("red", state);
  return head + (waiting > 0 ? paint("yellow", middle) : middle) + rest + state;
}

function bar(share: number, width: number): string {
  const full = Math.min(width, Math.max(0, Math.round(share * width)));
  return "█".repeat(full) + "░".repeat(width - full);
}

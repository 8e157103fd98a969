/** A replay from its records to the comparison. */
import { drawSeed, seededRandom } from "../routing/seeded-random.ts";
import { type Comparison, differencesOf, type Sums, sumsOf } from "./compare.ts";
import { LogReplay } from "./log-replay.ts";
import type { NamedProfile } from "./read-profile.ts";
import type { Records } from "./read-records.ts";
import type { ReplayedPick } from "./replayed-pick.ts";
import { type TraceOptions, TraceReplay } from "./trace-replay.ts";

export interface RunOptions extends TraceOptions {
  /** Name of the file. */
  readonly path: string;
  readonly examples: number;
  /** Was a seed given? A log has its own. */
  readonly isSeeded: boolean;
}

interface Replayed {
  readonly sums: Sums;
  readonly picks: readonly ReplayedPick[];
  readonly notes: readonly string[];
}

export function runReplay(records: Records, profiles: readonly NamedProfile[], options: RunOptions): Comparison {
  const replayed = profiles.map((profile) =>
    records.kind === "log" ? replayLog(records.picks, profile, options) : replayTrace(records.rows, profile, options),
  );
  const [one, other] = replayed;
  const { unread } = records;
  const requests = records.kind === "log" ? records.picks.length : records.rows.length;
  const what =
    records.kind === "log" ? "decision log" : `trace, on ${options.podCount} model pods, seed ${options.seed}`;
  const misshapen = records.kind === "log" ? records.misshapen : 0;
  const hint = misshapen === 0 ? "" : ` (${misshapen} are picks that cannot be read, perhaps of another version)`;
  const leftOut = unread === 0 ? "" : `, ${unread} other lines${hint}`;
  return {
    source: `${options.path}: ${what}, ${requests} requests${leftOut}`,
    requests,
    sums: replayed.map(({ sums }) => sums),
    ...differencesOf(one?.picks ?? [], other?.picks ?? [], options.examples),
    notes: replayed.flatMap(({ notes }) => notes),
  };
}

function replayLog(
  lines: Extract<Records, { kind: "log" }>["picks"],
  named: NamedProfile,
  options: RunOptions,
): Replayed {
  const replay = new LogReplay(named.profile);
  const random = seededRandom(options.seed);
  const picks = lines.map((line) => replay.decide(line, options.isSeeded ? drawSeed(random) : undefined));
  const pods = new Set(lines.flatMap(({ candidates }) => candidates.addresses));
  const asLogged = picks.filter(({ pod }, at) => pod === (lines[at]?.pick?.pod ?? "")).length;
  const untold = replay.untold();
  const notes =
    untold.length === 0 ? [] : [`${named.label} reads ${untold.join(", ")}, of which the log tells nothing: unknown.`];
  return { sums: { ...sumsOf(named.label, picks, pods.size), asLogged }, picks, notes };
}

function replayTrace(
  rows: Extract<Records, { kind: "trace" }>["rows"],
  named: NamedProfile,
  options: RunOptions,
): Replayed {
  const { picks, hitTokens, queryTokens, ttftSeconds } = new TraceReplay(named.profile, options).run(rows);
  const at = (share: number) => ttftSeconds[Math.floor((ttftSeconds.length - 1) * share)] ?? 0;
  const mean = ttftSeconds.reduce((sum, value) => sum + value, 0) / Math.max(1, ttftSeconds.length);
  const sums = {
    ...sumsOf(named.label, picks, options.podCount),
    hit: hitTokens / Math.max(1, queryTokens),
    ttftSeconds: { mean, p50: at(0.5), p95: at(0.95) },
  };
  return { sums, picks, notes: [] };
}

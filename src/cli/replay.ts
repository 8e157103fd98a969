/** `pointsman replay FILE --profile A --profile B`: what another profile would have done with the same requests. */
import { loadConfig } from "../config/load-config.ts";
import { flag, integer, type OptionKind, text } from "../config/option-kinds.ts";
import { option } from "../config/option-table.ts";
import { ConfigError, type ConfigFault } from "../errors.ts";
import { plainLine } from "../explain/plain-line.ts";
import { writeComparison } from "../replay/compare.ts";
import { type NamedProfile, readNamedProfile } from "../replay/read-profile.ts";
import { readRecords } from "../replay/read-records.ts";
import { runReplay } from "../replay/run-replay.ts";
import type { Command } from "./command.ts";

const speed: OptionKind<number> = {
  expects: "a number 0.01..100",
  parse: (written) => {
    const value = /^\d+(\.\d+)?$/.test(written) ? Number(written) : Number.NaN;
    return value >= 0.01 && value <= 100 ? value : undefined;
  },
  show: String,
};

// None of them has the name of an option of serve, whose environment would reach them.
const options = {
  profile: option(
    "profile",
    text("FILE or FILE#PROFILE, twice"),
    "",
    "A profile of a config file, given twice: the two that are compared.",
  ),
  lotSeed: option(
    "lot-seed",
    integer(0, 2 ** 32 - 1),
    0,
    "What the lots are drawn with; 0 takes those of a log, and 1 for a trace.",
  ),
  requests: option("replay-requests", integer(0), 2_000, "Requests that are replayed, the first ones; 0 is all."),
  podCount: option("replay-pods", integer(1, 200), 8, "Model pods that a trace is served by."),
  speed: option("replay-speed", speed, 1, "How much faster the requests of a trace come than it says."),
  examples: option("examples", integer(0, 1_000), 5, "Differing requests that are shown with the reason of each pick."),
  json: option("json", flag, false, "Print the comparison as JSON."),
} as const;

export const replay: Command = {
  name: "replay",
  summary: "Compare two profiles on a decision log or a trace: replay FILE --profile A.yaml --profile B.yaml.",
  options,
  run: async (args, { env, out }) => {
    const { file, labels, others } = readArguments(args);
    const { lotSeed, requests, podCount, speed: times, examples, json } = loadConfig(options, others, env);
    const profiles = readProfiles(file, labels);
    const records = await readRecords(file, requests);
    const comparison = runReplay(records, profiles, {
      ...{ path: file, examples, podCount, speed: times },
      isSeeded: lotSeed !== 0,
      seed: lotSeed || 1,
    });
    const lines = json ? JSON.stringify(comparison, undefined, 2).split("\n") : writeComparison(comparison);
    for (const line of lines) out(plainLine(line));
    return 0;
  },
};

interface Arguments {
  readonly file: string;
  readonly labels: readonly string[];
  readonly others: readonly string[];
}

const FLAG = "--profile";

/** The file stands alone; the flag that is given twice is taken out, since others are given once. */
function readArguments(args: readonly string[]): Arguments {
  const labels: string[] = [];
  const others: string[] = [];
  let file = "";
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === FLAG) labels.push(args[++at] ?? "");
    else if (arg.startsWith(`${FLAG}=`)) labels.push(arg.slice(FLAG.length + 1));
    else if (file === "" && !arg.startsWith("-") && (at === 0 || !isFlagWithValue(args[at - 1] ?? ""))) file = arg;
    else others.push(arg);
  }
  return { file, labels, others };
}

function isFlagWithValue(arg: string): boolean {
  return arg.startsWith("--") && !arg.includes("=") && arg !== FLAG && arg !== "--json";
}

/** Throws a ConfigError with the faults of both. */
function readProfiles(file: string, labels: readonly string[]): readonly NamedProfile[] {
  const faults: ConfigFault[] = [];
  if (file === "") faults.push({ path: "replay", expected: "the path of a decision log or a trace", got: "nothing" });
  if (labels.length !== 2) faults.push({ path: FLAG, expected: "two of them", got: String(labels.length) });
  const profiles = labels.map((label) => readNamedProfile(label, faults)).filter((each) => each !== undefined);
  if (faults.length > 0) throw new ConfigError(faults);
  return profiles;
}

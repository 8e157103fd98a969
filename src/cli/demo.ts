/** `pointsman demo`: real Envoys, fake pods and the picker, compared with round robin: something to see within a minute. */
import { loadConfig } from "../config/load-config.ts";
import { choice, integer, type OptionKind, port, text } from "../config/option-kinds.ts";
import { option } from "../config/option-table.ts";
import { type BreakageName, breakages } from "../demo/breakages.ts";
import { runBroken } from "../demo/run-broken.ts";
import { runDemo } from "../demo/run-demo.ts";
import type { Command } from "./command.ts";

const speed: OptionKind<number> = {
  expects: "a number 0.1..20",
  parse: (written) => {
    const value = /^\d+(\.\d+)?$/.test(written) ? Number(written) : Number.NaN;
    return value >= 0.1 && value <= 20 ? value : undefined;
  },
  show: String,
};

export const demoOptions = {
  requests: option(
    "requests",
    integer(0),
    0,
    "Requests per fleet, then a summary and the end; 0 sends 200 and stays up.",
  ),
  seed: option("seed", integer(0, 2 ** 31), 1, "Seed of the conversations and of the pods' answers."),
  speed: option("speed", speed, 2, "How much faster than the modelled hardware the fake pods are."),
  // Not "pods", whose environment name is that of the picker's own list of pods.
  podCount: option("pod-count", integer(2, 16), 4, "Fake pods per fleet."),
  port: option("port", port, 0, "Port of the Envoy beside the picker; 0 takes a free one."),
  envoyVersion: option(
    "envoy-version",
    text("a version such as 1.40.0"),
    "",
    "Envoy to fetch; without it POINTSMAN_ENVOY or an `envoy` on the PATH will do.",
  ),
  breakage: option(
    "break",
    choice("none", ...(Object.keys(breakages) as BreakageName[])),
    "none",
    "Start it with one thing broken in place of the comparison, to find out with pointsman doctor.",
  ),
} as const;

export const demo: Command = {
  name: "demo",
  summary: "Compare the picker with round robin on fake pods behind a real Envoy.",
  options: demoOptions,
  run: (args, { env, interrupted }) => {
    const options = loadConfig(demoOptions, args, env);
    const { breakage } = options;
    const io = {
      env,
      output: process.stdout,
      keys: process.stdin,
      complain: (words: string) => process.stderr.write(`pointsman: ${words}\n`),
      interrupted: Promise.race([interrupted, unread()]),
    };
    return breakage === "none" ? runDemo(options, io) : runBroken(breakage, options, io);
  },
};

/** Nobody reads what it prints: the terminal is gone, or the program behind a pipe. */
function unread(): Promise<string> {
  return new Promise((resolve) => process.stdout.on("error", () => resolve("SIGPIPE")));
}

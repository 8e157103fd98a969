/** The steps that `npm run ok` and `npm test` are made of: each is one program, run to its end and counted. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import type { Outcome } from "./outcome-reporter.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const bin = join(root, "node_modules", ".bin");

export interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** The projects of a vitest step; its tests are counted instead of the step. */
  readonly projects?: readonly string[];
}

export interface StepResult extends Outcome {
  readonly name: string;
  readonly seconds: string;
  readonly output: string;
}

export const checkSteps: readonly Step[] = [
  { name: "format and lint (biome)", command: ["biome", "ci", "--colors=off"] },
  { name: "types (tsc)", command: ["tsc", "--noEmit", "--pretty", "false"] },
  { name: "dead code (knip)", command: ["knip", "--no-progress"] },
];

export function vitestStep(...projects: string[]): Step {
  const chosen = projects.flatMap((project) => ["--project", project]);
  return {
    name: `tests: ${projects.join(", ")}`,
    command: ["vitest", "run", "--no-color", "--passWithNoTests", ...chosen],
    projects,
  };
}

/** A part of a project whose files run one after the other. */
export function vitestShard(project: string, shard: number, of: number): Step {
  const { name, command, ...step } = vitestStep(project);
  return { ...step, name: `${name} ${shard} of ${of}`, command: [...command, `--shard=${shard}/${of}`] };
}

const running = new Set<ChildProcess>();

export function stopSteps(): void {
  for (const child of running) child.kill();
}

/** Ends the programs with this process: on a signal, and when the bootstrap above has died. */
export function endWithParent(): void {
  const end = (code: number) => {
    stopSteps();
    process.exit(code);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => end(128 + constants.signals[signal]));
  }
  process.on("disconnect", () => end(1));
  process.channel?.unref();
}

/** Its output is kept for the case that it fails. */
export async function runStep({ name, command, projects }: Step): Promise<StepResult> {
  const scratch = mkdtempSync(join(tmpdir(), "pointsman-step-"));
  const report = join(scratch, "outcome.json");
  const startedAt = performance.now();
  const { code, output } = await runProgram(command, {
    ...(projects && { POINTSMAN_OUTCOME_FILE: report }),
  });
  const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  const alone: Outcome = code === 0 ? { passed: 1, failed: 0, skipped: [] } : { passed: 0, failed: 1, skipped: [] };
  const outcome = projects ? readOutcome(report, alone) : alone;
  rmSync(scratch, { recursive: true, force: true });
  return { name, seconds, output, ...outcome };
}

function runProgram(command: readonly string[], extra: NodeJS.ProcessEnv) {
  const [program = "", ...args] = command;
  const env = { ...process.env, ...extra, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` };
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let output = "";
    const keep = (chunk: string) => {
      // vitest colours its lines although it writes to a pipe.
      output += stripVTControlCharacters(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", (error) => {
      output += error.message;
    });
    child.on("close", (code) => {
      running.delete(child);
      resolve({ code, output });
    });
  });
}

/** A run that fails as a whole, or never gets as far as its report, counts as one failure at least. */
function readOutcome(file: string, alone: Outcome): Outcome {
  try {
    const outcome = JSON.parse(readFileSync(file, "utf8")) as Outcome;
    return { ...outcome, failed: Math.max(outcome.failed, alone.failed) };
  } catch {
    return { ...alone, passed: 0, failed: 1 };
  }
}

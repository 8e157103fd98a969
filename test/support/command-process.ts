/** A command of pointsman as users run it: a process of its own, with what it printed and how it ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const POLL_MS = 20;

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class CommandProcess {
  stdout = "";
  stderr = "";
  /** Resolves with the exit code, null after a kill. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [mainFile, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    running.add(child);
    this.exited = new Promise((resolve) => {
      child.once("close", (code) => {
        running.delete(child);
        resolve(code);
      });
    });
  }

  /** Until it has printed this; the test's own time limit ends a wait in vain, its end at once. */
  async prints(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stdout)) {
      if (!running.has(this.#child)) throw new Error(`it ended without ${pattern}:\n${this.stdout}\n${this.stderr}`);
      await delay(POLL_MS);
    }
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }
}

/** Runs it to its end. */
export async function runCommand(
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const command = new CommandProcess(args);
  const code = await command.exited;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

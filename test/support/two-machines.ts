/**
 * A machine with two others beside it: a network of its own, in which models of a vLLM pod stand at two addresses and every
 * other port of 127.0.0.1, 10.0.0.1 and 10.0.0.2 is free. Linux only, and only where a process may have namespaces of its own;
 * all that runs in it ends with it, and it ends with this process.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const addresses = ["10.0.0.1", "10.0.0.2"];
/** A network, and a first process whose end is that of all others. */
const apart = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
const prepare = ["ip link set lo up", ...addresses.map((address) => `ip addr add ${address}/32 dev lo`)].join(" && ");

/** Undefined where it can be had, else why not. */
export function whyNoMachines(): string | undefined {
  const { status, error, stderr } = spawnSync("unshare", [...apart, "bash", "-c", `${prepare} && curl --version`]);
  return status === 0 ? undefined : (error?.message ?? `${stderr}`.trim());
}

export class TwoMachines {
  readonly #shell: ChildProcess;
  readonly #lines: Interface;
  /** What the terminals have said, for the case that nothing comes of them. */
  readonly said: string[] = [];

  private constructor(path: string) {
    const env = { ...process.env, PATH: `${path}:${process.env["PATH"] ?? ""}` };
    this.#shell = spawn("unshare", [...apart, "bash"], { cwd: root, env, stdio: ["pipe", "pipe", "pipe"] });
    const { stdout, stderr } = this.#shell;
    if (stdout === null || stderr === null) throw new Error("a shell without pipes");
    this.#lines = createInterface(stdout);
    createInterface(stderr).on("line", (line) => this.said.push(line));
  }

  /** `path`: a folder of programs that are found by name; `pods`: where they stand, each as ip:port. */
  static async start(path: string, pods: readonly string[]): Promise<TwoMachines> {
    const machines = new TwoMachines(path);
    await machines.run(prepare);
    const program = fileURLToPath(new URL("two-machines-pod.ts", import.meta.url));
    for (const pod of pods) machines.leave(`node ${program} ${pod}`);
    return machines;
  }

  /** A line typed into a terminal of its own, and left alone. */
  leave(line: string): void {
    this.#type(`( ${line}\n) </dev/null >&2 &`);
  }

  /** A line, and what it writes to its standard output. */
  async run(line: string): Promise<string> {
    const mark = randomUUID();
    const output: string[] = [];
    const done = new Promise<string>((resolve) => {
      const onLine = (text: string) => {
        if (text !== mark) {
          output.push(text);
          return;
        }
        this.#lines.off("line", onLine);
        resolve(output.join("\n"));
      };
      this.#lines.on("line", onLine);
    });
    this.#type(`${line}\necho; echo ${mark}`);
    return done;
  }

  async end(): Promise<void> {
    if (this.#shell.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#shell.once("exit", () => resolve()));
    // The shell is the first process there, and ends when nothing more is typed.
    this.#shell.stdin?.end();
    await ended;
  }

  #type(text: string): void {
    this.#shell.stdin?.write(`${text}\n`);
  }
}

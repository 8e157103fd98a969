/** Starts `pointsman serve` as a process of its own, reads its ports from its log, and ends it. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Guard } from "./guard.ts";

const startLimitMs = 30_000;
const stopLimitMs = 4_000;
const keptLogLines = 20;

export interface RunPickerOptions {
  /** host:port, or name=host:port. */
  readonly pods: readonly string[];
  readonly seed: number;
  /** Further ones of serve. */
  readonly flags?: readonly string[];
  /** Every log line goes there. */
  readonly logPath: string;
  readonly guard: Guard;
  /** Called with its last words when the picker ends without having been told to. */
  readonly onExit: (words: string) => void;
}

export interface RunningPicker {
  readonly pid: number;
  readonly grpcPort: number;
  readonly metricsPort: number;
  readonly adminPort: number;
  stop(): Promise<void>;
}

/** Rejects with the picker's last log lines if it does not come up. */
export function startPicker(options: RunPickerOptions): Promise<RunningPicker> {
  return new PickerProcess(options).started();
}

/** Services as the picker's log names them. */
const services = { grpc: "envoy.service.ext_proc.v3.ExternalProcessor", metrics: "metrics", admin: "admin" };

class PickerProcess {
  readonly #child: ChildProcess;
  readonly #options: RunPickerOptions;
  readonly #ports = new Map<string, number>();
  readonly #lastLines: string[] = [];
  readonly #closed: Promise<void>;
  #isUp = false;
  #ending = false;
  #up: (() => void) | undefined;
  #down: ((error: Error) => void) | undefined;

  constructor(options: RunPickerOptions) {
    this.#options = options;
    const child = spawn(process.execPath, [mainFile(), "serve", ...flags(options)], {
      // Out of reach of the terminal's Ctrl-C: it ends after the last answer, when told to.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: foreignEnvironment(),
    });
    this.#child = child;
    if (child.pid !== undefined) options.guard.add(child.pid);
    const file = createWriteStream(options.logPath);
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on("line", (line) => {
        file.write(`${line}\n`);
        this.#takeLine(line);
      });
    }
    this.#closed = new Promise((resolve) => {
      child.once("error", (error) => this.#lastLines.push(error.message));
      child.once("close", (code, signal) => {
        file.end();
        if (child.pid !== undefined) options.guard.remove(child.pid);
        this.#ended(`the picker ended with ${signal ?? `code ${code}`}`);
        resolve();
      });
    });
  }

  started(): Promise<RunningPicker> {
    const late = setTimeout(() => this.#down?.(this.#failure("the picker did not come up in time")), startLimitMs);
    return new Promise<void>((resolve, reject) => {
      this.#up = resolve;
      this.#down = reject;
    })
      .then(
        () => ({
          pid: this.#child.pid ?? 0,
          grpcPort: this.#portOf(services.grpc),
          metricsPort: this.#portOf(services.metrics),
          adminPort: this.#portOf(services.admin),
          stop: () => this.#stop(),
        }),
        async (error: unknown) => {
          await this.#stop();
          throw error;
        },
      )
      .finally(() => clearTimeout(late));
  }

  #takeLine(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > keptLogLines) this.#lastLines.shift();
    const found = listening(line);
    if (found === undefined) return;
    this.#ports.set(found.service, found.port);
    if (!Object.values(services).every((service) => this.#ports.has(service))) return;
    this.#isUp = true;
    this.#up?.();
  }

  #ended(what: string): void {
    const failure = this.#failure(what);
    this.#down?.(failure);
    if (this.#isUp && !this.#ending) this.#options.onExit(failure.message);
  }

  #failure(what: string): Error {
    return new Error([what, ...this.#lastLines].join("\n  "));
  }

  #portOf(service: string): number {
    return this.#ports.get(service) ?? 0;
  }

  async #stop(): Promise<void> {
    this.#ending = true;
    this.#child.kill("SIGTERM");
    const hard = setTimeout(() => this.#child.kill("SIGKILL"), stopLimitMs);
    await this.#closed;
    clearTimeout(hard);
  }
}

function flags({ pods, seed, flags: more = [] }: RunPickerOptions): string[] {
  const free = ["grpc", "grpc-health", "metrics", "admin"].flatMap((name) => [`--${name}-port`, "0"]);
  // Fifty is what the Go picker scrapes with; a demo that ends has nobody left to drain for.
  const times = ["--refresh-metrics-interval", "50ms", "--drain-delay", "0", "--drain-timeout", "1s"];
  return ["--pods", pods.join(","), "--seed", String(seed), "--bind-address", "127.0.0.1", ...free, ...times, ...more];
}

/** What this process was told by POINTSMAN_ variables is not meant for the picker, which reads the same ones. */
function foreignEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("POINTSMAN_")));
}

function listening(line: string): { service: string; port: number } | undefined {
  const [, service, port] = /"service":"([^"]+)".*"port":(\d+)/.exec(line) ?? [];
  return service === undefined ? undefined : { service, port: Number(port) };
}

/** TypeScript in a checkout, JavaScript in an installed package. */
function mainFile(): string {
  return fileURLToPath(new URL(`../main${extname(import.meta.filename)}`, import.meta.url));
}

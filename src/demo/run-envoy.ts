/** Starts an Envoy, waits until it serves, and ends it; its last log lines are at hand when something goes wrong. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { EnvoyConfig } from "./envoy-config.ts";
import type { Guard } from "./guard.ts";

/** Generous: a start takes 0.2 s on an idle machine, plus the first health check of the pickers. */
const startLimitMs = 30_000;
const stopLimitMs = 5_000;
const pollMs = 20;
const keptLogLines = 40;

export interface RunEnvoyOptions {
  readonly binary: string;
  readonly config: EnvoyConfig;
  /** Worker threads; each has its own connection to every picker. */
  readonly concurrency?: number;
  /** How long lines of access logs are kept back before they are in their files; Envoy's own is 10 s. */
  readonly logFlushMs?: number;
  /** With a guard Envoy ignores the terminal's Ctrl-C: the caller ends it, or its own end does. */
  readonly guard?: Guard;
  /** Called when Envoy ends without having been told to. */
  readonly onExit?: (exit: EnvoyExit) => void;
}

export interface EnvoyExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly log: readonly string[];
}

export interface RunningEnvoy {
  readonly pid: number;
  readonly adminPort: number;
  /** Listener name -> the port it really has. */
  readonly ports: ReadonlyMap<string, number>;
  /** The last lines Envoy logged. */
  readonly log: readonly string[];
  /** Body of an admin page, such as /stats?filter=ext_proc. */
  admin(path: string): Promise<string>;
  stop(): Promise<void>;
}

/** Rejects with Envoy's own words if it does not come up. */
export async function startEnvoy(options: RunEnvoyOptions): Promise<RunningEnvoy> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-envoy-"));
  try {
    return await startIn(folder, options);
  } finally {
    // A serving Envoy needs neither file again.
    await rm(folder, { recursive: true, force: true });
  }
}

async function startIn(folder: string, options: RunEnvoyOptions): Promise<RunningEnvoy> {
  const configPath = join(folder, "envoy.json");
  const adminPath = join(folder, "admin-address");
  await writeFile(configPath, JSON.stringify(options.config));
  const process = new EnvoyProcess(options, ["-c", configPath, "--admin-address-path", adminPath]);
  try {
    const adminPort = await process.until("its admin port", async () => {
      const address = await readFile(adminPath, "utf8").catch(() => "");
      const port = /:(\d+)$/.exec(address)?.[1];
      return port === undefined ? undefined : Number(port);
    });
    const admin = (path: string) => getText(adminPort, path);
    const ports = await process.until("all its listeners", async () => {
      const state = await admin("/ready").catch(() => "");
      return state.startsWith("LIVE") ? listenerPorts(await admin("/listeners?format=json")) : undefined;
    });
    process.started();
    return { pid: process.pid, adminPort, ports, log: process.log, admin, stop: () => process.stop() };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

class EnvoyProcess {
  readonly pid: number;
  readonly log: string[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #ended = false;
  #ending = false;
  #started = false;
  #failure = "";

  constructor({ binary, concurrency = 1, logFlushMs, guard, onExit }: RunEnvoyOptions, args: readonly string[]) {
    // Without hot restart several Envoys share nothing and need no base id of their own.
    const fixed = ["--disable-hot-restart", "-l", "warning", "--concurrency", String(concurrency)];
    const flushing = logFlushMs === undefined ? [] : ["--file-flush-interval-msec", String(logFlushMs)];
    const child = spawn(binary, [...args, ...fixed, ...flushing], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: guard !== undefined,
    });
    this.#child = child;
    this.pid = child.pid ?? 0;
    if (child.pid !== undefined) guard?.add(child.pid);
    createInterface(child.stderr).on("line", (line) => {
      this.log.push(line);
      if (this.log.length > keptLogLines) this.log.shift();
    });
    child.on("error", (error) => {
      this.#failure = error.message;
    });
    this.#closed = new Promise((resolve) => {
      // "close" comes after the last line of the log, and after a failed spawn too.
      child.on("close", (code, signal) => {
        this.#ended = true;
        this.#failure ||= `it ended with ${signal ?? `code ${code}`}`;
        if (child.pid !== undefined) guard?.remove(child.pid);
        if (this.#started && !this.#ending) onExit?.({ code, signal, log: this.log });
        resolve();
      });
    });
  }

  /** Asks again and again until there is an answer, Envoy ends or patience does. */
  async until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + startLimitMs;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      const late = performance.now() > deadline;
      if (late) this.#failure ||= `${what} did not come up within ${startLimitMs / 1000} s`;
      if (late || this.#ended) throw new Error([`Envoy did not start: ${this.#failure}`, ...this.log].join("\n  "));
      await delay(pollMs);
    }
  }

  /** From here on its end is news. */
  started(): void {
    this.#started = true;
  }

  async stop(): Promise<void> {
    this.#ending = true;
    if (!this.#ended) this.#child.kill("SIGTERM");
    const hard = setTimeout(() => this.#child.kill("SIGKILL"), stopLimitMs);
    await this.#closed;
    clearTimeout(hard);
  }
}

/** Undefined until every listener is bound. */
function listenerPorts(json: string): Map<string, number> | undefined {
  const { listener_statuses = [] } = JSON.parse(json) as {
    listener_statuses?: { name: string; local_address: { socket_address?: { port_value?: number } } }[];
  };
  const ports = new Map<string, number>();
  for (const { name, local_address } of listener_statuses) {
    const port = local_address.socket_address?.port_value ?? 0;
    if (port === 0) return undefined;
    ports.set(name, port);
  }
  return ports.size === 0 ? undefined : ports;
}

function getText(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path, agent: false, timeout: stopLimitMs }, (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error(`admin port did not answer ${path}`)));
    request.on("error", reject);
  });
}

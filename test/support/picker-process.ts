/** A picker as users run it, a process of its own on free ports, with its log and its metrics at hand. */
import { type ChildProcess, spawn } from "node:child_process";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export type LogLine = Readonly<Record<string, unknown>>;

const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const POLL_MS = 10;

/** Whatever a test leaves behind ends with the test process. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class PickerProcess {
  readonly log: LogLine[] = [];
  /** Resolves with the exit code, null after a kill. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #awaited = new Set<{ accepts: (line: LogLine) => boolean; resolve: (line: LogLine) => void }>();
  #ports = new Map<unknown, number>();

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [mainFile, "serve", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    createInterface(child.stdout).on("line", (text) => this.#note(JSON.parse(text)));
    createInterface(child.stderr).on("line", (text) => this.#note({ stderr: text }));
    this.exited = new Promise((resolve) => child.once("close", (code) => resolve(code)));
    running.add(child);
    child.once("close", () => running.delete(child));
  }

  /** Fails with the log so far if the picker ends first. */
  async ready(): Promise<this> {
    const isLast = (line: LogLine) => line["service"] === "admin";
    const ended = this.exited.then((code) => {
      throw new Error(`the picker ended with code ${code}: ${JSON.stringify(this.log)}`);
    });
    await Promise.race([this.line(isLast), ended]);
    for (const { service, port } of this.log as readonly { service?: unknown; port?: unknown }[]) {
      if (typeof port === "number") this.#ports.set(service, port);
    }
    return this;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#portOf("envoy.service.ext_proc.v3.ExternalProcessor");
  }

  get metricsAddress(): string {
    return `127.0.0.1:${this.#portOf("metrics")}`;
  }

  get adminAddress(): string {
    return `127.0.0.1:${this.#portOf("admin")}`;
  }

  get healthAddress(): string {
    return `127.0.0.1:${this.#portOf("grpc.health.v1.Health")}`;
  }

  get pagesAddress(): string {
    return `http://127.0.0.1:${this.#portOf("metrics")}`;
  }

  /** The first line, said already or yet to come, that is accepted. */
  line(accepts: (line: LogLine) => boolean): Promise<LogLine> {
    const said = this.log.find(accepts);
    if (said !== undefined) return Promise.resolve(said);
    return new Promise((resolve) => {
      this.#awaited.add({ accepts, resolve });
    });
  }

  /** Sum of the samples of a metric whose labels contain `labels`; 0 when there is none. Throws for an unknown name. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumOf(await this.page(), name, labels);
  }

  /** All that /metrics says. */
  async page(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#portOf("metrics")}/metrics`)).text();
  }

  /** What /readyz says. */
  async readiness(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#portOf("metrics")}/readyz`)).text();
  }

  /** Asks until the metric has the value; the test's own time limit ends a wait in vain. */
  async metricBecomes(name: string, value: number, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    while ((await this.metric(name, labels)) !== value) await delay(POLL_MS);
  }

  async metricBecomesAtLeast(name: string, value: number): Promise<void> {
    while ((await this.metric(name)) < value) await delay(POLL_MS);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  #portOf(service: string): number {
    const port = this.#ports.get(service);
    if (port === undefined) throw new Error(`no port of ${service} is known`);
    return port;
  }

  #note(line: LogLine): void {
    this.log.push(line);
    for (const wait of this.#awaited) {
      if (!wait.accepts(line)) continue;
      this.#awaited.delete(wait);
      wait.resolve(line);
    }
  }
}

/** The sum that `metric` tells, of a page of metrics. */
export function sumOf(page: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const lines = page.split("\n");
  const isNamed = lines.some(
    (line) =>
      line.startsWith(`# TYPE ${name} `) || line === `# TYPE ${name.replace(/_(bucket|sum|count)$/, "")} histogram`,
  );
  if (!isNamed) throw new Error(`the picker has no metric ${name}`);
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const line of lines) {
    // Labels may hold spaces.
    const end = line.lastIndexOf(" ");
    const [series, value] = [line.slice(0, end), line.slice(end)];
    if (series.split("{")[0] === name && wanted.every((pair) => series.includes(pair))) sum += Number(value);
  }
  return sum;
}

/** On loopback and free ports, without the wait at the end that Envoy would need. */
export function startPicker(
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<PickerProcess> {
  const ports = ["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-port=0"];
  return new PickerProcess(["--bind-address=127.0.0.1", "--drain-delay=0s", ...ports, ...flags], env).ready();
}

export interface FakePod {
  readonly address: string;
  close(): void;
}

/** Pods that serve nothing but an idle metrics page. */
export function startFakePods(count: number): Promise<FakePod[]> {
  const page =
    "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\nvllm:gpu_cache_usage_perc 0\n";
  const start = async (): Promise<FakePod> => {
    const server = http.createServer((_request, response) => response.end(page));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const close = () => {
      server.close();
      server.closeAllConnections();
    };
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, close };
  };
  return Promise.all(Array.from({ length: count }, start));
}

/** A Prometheus that runs in a folder of its own, asks pickers every second, and is asked in turn. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { FoundPrometheus } from "./find-prometheus.ts";

export interface Target {
  /** What the series call the picker. */
  readonly instance: string;
  /** host:port of its metrics. */
  readonly address: string;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

const POLL_MS = 250;

/** Whatever a test leaves behind ends with the test process. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class RunningPrometheus {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #closed: Promise<void>;
  readonly #lastLines: string[] = [];
  #origin = "";

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    running.add(child);
    this.#closed = new Promise((resolve) => {
      child.once("close", () => {
        running.delete(child);
        resolve();
      });
    });
  }

  /** With these rules, evaluated every second; labels of targets are those of a PodMonitor's. */
  static async start(
    { path, env }: FoundPrometheus,
    targets: readonly Target[],
    rules: string,
  ): Promise<RunningPrometheus> {
    const folder = await mkdtemp(join(tmpdir(), "pointsman-prometheus-"));
    await writeFile(join(folder, "rules.yaml"), rules);
    // YAML is what JSON is, too.
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.yaml"],
      scrape_configs: [
        {
          job_name: "inference/pointsman",
          honor_labels: true,
          static_configs: targets.map(({ instance, address }) => ({
            targets: [address],
            labels: { instance, namespace: "inference", pod: `pointsman-${instance}`, container: "pointsman" },
          })),
        },
      ],
    };
    await writeFile(join(folder, "prometheus.yaml"), JSON.stringify(config));
    const flags = [
      `--config.file=${join(folder, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
    ];
    const child = spawn(path, flags, { env, cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    const started = new RunningPrometheus(child, folder);
    await started.#listening();
    return started;
  }

  async #listening(): Promise<void> {
    const { stderr } = this.#child;
    if (stderr === null) throw new Error("Prometheus has no log");
    const { promise, resolve } = Promise.withResolvers<string>();
    createInterface(stderr).on("line", (line) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > 20) this.#lastLines.shift();
      const [, address] = /msg="Listening on".* address=(\S+)/.exec(line) ?? [];
      if (address !== undefined) resolve(address);
    });
    const ended = this.#closed.then(() => {
      throw new Error(`Prometheus did not start:\n${this.#lastLines.join("\n")}`);
    });
    this.#origin = `http://${await Promise.race([promise, ended])}`;
  }

  /** What an expression is now. Throws what Prometheus says of one that it cannot read. */
  async query(expr: string): Promise<Series[]> {
    const response = await fetch(`${this.#origin}/api/v1/query?${new URLSearchParams({ query: expr })}`);
    const { status, error, data } = (await response.json()) as {
      status: string;
      error?: string;
      data?: { result: readonly { metric: Record<string, string>; value: readonly [number, string] }[] };
    };
    if (status !== "success") throw new Error(`${expr}: ${error}`);
    return (data?.result ?? []).map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
  }

  /** Asks until the answer is accepted, or the time is up; the last answer in any case. */
  async until(expr: string, accepts: (series: readonly Series[]) => boolean, withinMs: number): Promise<Series[]> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      const series = await this.query(expr);
      if (accepts(series) || performance.now() > endMs) return series;
      await delay(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

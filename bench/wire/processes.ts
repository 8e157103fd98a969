/** The processes of the wire bench: servers under measurement, the load client, and the pods' metric pages. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LoadOrder, LoadResult } from "./load-client.ts";

const START_LIMIT_MS = 30_000;
const TICKS_PER_SECOND = 100;

export interface ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Starts `node args`, and takes the first number `port` finds in a line of its output as the gRPC port. */
function startServer(name: string, args: readonly string[], port: RegExp): Promise<ServerProcess> {
  const { promise, resolve, reject } = Promise.withResolvers<ServerProcess>();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => child.kill("SIGKILL"));
  const timer = setTimeout(() => reject(new Error(`${name} did not start`)), START_LIMIT_MS);
  child.once("exit", (code) => reject(new Error(`${name} ended with code ${code}`)));
  createInterface(child.stdout).on("line", (line) => {
    const found = port.exec(line)?.[1];
    if (found === undefined) return;
    clearTimeout(timer);
    resolve({ name, port: Number(found), pid: child.pid ?? 0, stop: () => child.kill("SIGKILL") });
  });
  return promise;
}

export function startPicker(name: string, pods: readonly string[], flags: readonly string[]): Promise<ServerProcess> {
  const ports = ["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-port=0"];
  const args = [fileOf("../../src/main.ts"), "serve", `--pods=${pods.join(",")}`, "--bind-address=127.0.0.1"];
  return startServer(name, [...args, ...ports, ...flags], /ExternalProcessor.*"port":(\d+)/);
}

export function startNullServer(name: string, pods: readonly string[]): Promise<ServerProcess> {
  return startServer(name, [fileOf("../peers/null-server.ts"), pods.join(",")], /port (\d+)/);
}

export class LoadClient {
  readonly #child: ChildProcess = fork(fileOf("load-client.ts"));

  run(order: LoadOrder): Promise<LoadResult> {
    return new Promise((resolve, reject) => {
      const onExit = () => reject(new Error("the load client ended"));
      this.#child.once("exit", onExit);
      this.#child.once("message", (result: LoadResult) => {
        this.#child.off("exit", onExit);
        resolve(result);
      });
      this.#child.send(order);
    });
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** User + system time of all threads of a process so far, in milliseconds; Linux counts it in hundredths of a second. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name in parentheses may hold spaces; the fields after it begin with number 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

const page = [
  'vllm:num_requests_waiting{model_name="bench"} 0',
  'vllm:num_requests_running{model_name="bench"} 1',
  'vllm:kv_cache_usage_perc{model_name="bench"} 0.1',
  "",
].join("\n");

/** Pods that serve nothing but a tiny metrics page; resolves with their addresses. */
export function startPods(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => http.createServer((_, response) => response.end(page)));
  const addressOf = (server: http.Server) =>
    new Promise<string>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve(`127.0.0.1:${(server.address() as AddressInfo).port}`));
      server.unref();
    });
  return Promise.all(servers.map(addressOf));
}

/**
 * What deploy/sizing.md needs beside the wire bench: CPU for pods and for pieces of an answer, and memory of an open
 * request: `node bench/sizing.ts [--write]`. See bench/README.md.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { SizingOrder, SizingResult } from "./sizing/client.ts";
import { cpuMs, LoadClient, type ServerProcess, startPicker, startPods } from "./wire/processes.ts";
import { machine, markdownTable, median, spread, writeSection } from "./wire/results.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    pods: { type: "string", default: "4,200" },
    pieces: { type: "string", default: "0,100" },
    streams: { type: "string", default: "10000" },
    write: { type: "boolean", default: false },
  },
});
const rounds = Number(flags.rounds);
const durationMs = Number(flags.seconds) * 1000;
const numbers = (list: string) => list.split(",").map(Number);
const held = Number(flags.streams);
const SIZES = [200, 32_000];
const CONCURRENCY = 16;

class SizingClient {
  readonly #child = fork(fileURLToPath(new URL("sizing/client.ts", import.meta.url)));
  readonly #ended = once(this.#child, "exit");

  async run(order: SizingOrder): Promise<SizingResult> {
    this.#child.send(order);
    const result = await Promise.race([once(this.#child, "message"), this.#ended.then(() => undefined)]);
    if (result === undefined) throw new Error("the load client ended");
    return result[0] as SizingResult;
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** Cores that a picker takes with nothing to pick: scrapes. They are taken off what a request costs. */
async function idleCores({ pid }: ServerProcess): Promise<number> {
  const [before, startedAt] = [cpuMs(pid), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  return (cpuMs(pid) - before) / (performance.now() - startedAt);
}

/** CPU µs of each stream of a run, without those of scraping. */
async function microsPerStream(
  { pid }: ServerProcess,
  idle: number,
  run: () => Promise<{ streams: number; elapsedMs: number }>,
): Promise<number> {
  const before = cpuMs(pid);
  const { streams, elapsedMs } = await run();
  return ((cpuMs(pid) - before - idle * elapsedMs) * 1000) / streams;
}

const figures = new Map<string, number[]>();
const keep = (name: string, micros: number) => figures.set(name, [...(figures.get(name) ?? []), micros]);

async function measurePods(): Promise<void> {
  const client = new LoadClient();
  const pickers = await Promise.all(
    numbers(flags.pods).map(async (pods) => {
      const server = await startPicker(`${pods} pods`, await startPods(pods), []);
      return { pods, server, idle: await idleCores(server) };
    }),
  );
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const bodyBytes of SIZES) {
      for (const { pods, server, idle } of pickers) {
        const load = {
          mode: "buffered",
          bodyBytes,
          port: server.port,
          connections: 2,
          concurrency: CONCURRENCY,
        } as const;
        const micros = await microsPerStream(server, idle, () => client.run({ ...load, durationMs }));
        if (round > 0) keep(`buffered, ${bodyBytes} bytes, ${pods} pods`, micros);
      }
    }
  }
  client.stop();
  for (const { server } of pickers) server.stop();
}

async function measurePieces(): Promise<void> {
  const server = await startPicker("picker", await startPods(4), []);
  const idle = await idleCores(server);
  const client = new SizingClient();
  for (let round = 0; round <= rounds; round++) {
    for (const pieces of numbers(flags.pieces)) {
      const order = { kind: "answers", port: server.port, pieces, concurrency: CONCURRENCY, durationMs } as const;
      const micros = await microsPerStream(server, idle, () => client.run(order));
      if (round > 0) keep(`duplex both ways, 2000 bytes, 4 pods, ${pieces} pieces of an answer`, micros);
    }
  }
  client.stop();
  server.stop();
}

const residentKib = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);

/** KiB of each stream that is open while a pod answers. */
async function measureHeld(): Promise<{ startMib: number; kibPerStream: number }> {
  const server = await startPicker("picker", await startPods(4), []);
  const client = new SizingClient();
  // What the first picks bring along is the program's, not theirs.
  await client.run({ kind: "answers", port: server.port, pieces: 1, concurrency: 1, durationMs });
  const start = residentKib(server.pid);
  await client.run({ kind: "hold", port: server.port, streams: held });
  const kibPerStream = (residentKib(server.pid) - start) / held;
  client.stop();
  server.stop();
  return { startMib: start / 1024, kibPerStream };
}

await measurePods();
await measurePieces();
const { startMib, kibPerStream } = await measureHeld();
const rows = [...figures].map(([name, micros]) => [name, spread(micros)]);
const slope = (from: string, to: string, steps: number) => {
  const at = (name: string) => median(figures.get(name) ?? []);
  return ((at(to) - at(from)) / steps).toFixed(1);
};
const [fewPieces = 0, manyPieces = 0] = numbers(flags.pieces);
const pieceKey = (pieces: number) => `duplex both ways, 2000 bytes, 4 pods, ${pieces} pieces of an answer`;
const sums = [
  `A piece of an answer costs ${slope(pieceKey(fewPieces), pieceKey(manyPieces), manyPieces - fewPieces)} µs.`,
  `The program takes ${startMib.toFixed(0)} MiB, each open request ${kibPerStream.toFixed(1)} KiB more (${held} at once).`,
];
const shape = `${CONCURRENCY} streams at once, ${rounds} rounds of ${flags.seconds} s, median (min-max), without scraping`;
const report = `${machine()}; ${shape}.\n\n${markdownTable(["request", "CPU µs"], rows)}\n\n${sums.join(" ")}`;
console.log(report);
if (flags.write) writeSection("sizing", report);

/** CPU and garbage per metrics page: `node bench/parse-metrics.ts [file or folder of pages]`, default the recorded pages. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Engine, engineNamed, engines } from "../src/scrape/engines.ts";
import { MetricsParser } from "../src/scrape/parse-metrics.ts";

const ROUNDS = 2000;
/** The size in which undici hands over a page read from a socket. */
const CHUNK_BYTES = 65_536;

function pagesAt(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => /^metrics-.*\.txt$/.test(name))
    .map((name) => join(path, name));
}

/** The obvious way, for comparison: split into lines and match each; three numbers, no names, no labels. */
function parseByLines(page: Buffer): number {
  let sum = 0;
  for (const line of page.toString().split("\n")) {
    const match = /^vllm:(num_requests_waiting|num_requests_running|kv_cache_usage_perc)(?:\{.*\})? (\S+)/.exec(line);
    if (match !== null) sum += Number(match[2]);
  }
  return sum;
}

function parseByChunks(parser: MetricsParser, page: Buffer): number {
  for (let at = 0; at < page.length; at += CHUNK_BYTES) parser.write(page.subarray(at, at + CHUNK_BYTES));
  return parser.end().known;
}

function cpuMicros(run: () => void, rounds: number): number {
  for (let i = 0; i < rounds / 5; i++) run();
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) run();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / rounds;
}

/** Heap bytes one run leaves behind: the most of many, since a collection in between only makes it look less. */
function garbageBytes(run: () => void): number {
  let most = 0;
  for (let i = 0; i < 50; i++) {
    const before = process.memoryUsage().heapUsed;
    run();
    most = Math.max(most, process.memoryUsage().heapUsed - before);
  }
  return most;
}

const known = new MetricsParser([engineNamed("vllm") as Engine]);
const unknown = new MetricsParser(engines);
for (const path of pagesAt(process.argv[2] ?? join(import.meta.dirname, "../test/fixtures/vllm"))) {
  const page = readFileSync(path);
  console.log(`${path} (${(page.length / 1000).toFixed(1)} KB)`);
  const rivals = {
    "engine known": () => parseByChunks(known, page),
    "any engine": () => parseByChunks(unknown, page),
    "split and match": () => parseByLines(page),
  };
  for (const [name, run] of Object.entries(rivals)) {
    const micros = cpuMicros(run, ROUNDS).toFixed(1);
    console.log(
      `  ${name.padEnd(16)} ${micros.padStart(6)} µs CPU  ${(garbageBytes(run) / 1000).toFixed(1)} KB garbage`,
    );
  }
}

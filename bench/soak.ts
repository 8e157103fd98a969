/**
 * A million requests through a real Envoy, a picker and four pods, with Envoy's own ext_proc behaviour (it resets every
 * stream it is done with): `npm run soak -- [--requests N] [--concurrency C] [--config buffered.yaml] [--write]`.
 * Ends with 1 if a request failed, the picker lost count, or anything stayed open.
 */
import { readFileSync } from "node:fs";
import { setInterval } from "node:timers";
import { parseArgs } from "node:util";
import { adminOn, listenOn, pickersAt, renderEnvoyConfig } from "../src/demo/envoy-config.ts";
import { findEnvoy } from "../src/demo/find-envoy.ts";
import { type RunningEnvoy, startEnvoy } from "../src/demo/run-envoy.ts";
import { chatBody, Load, type Outcomes } from "../test/support/load.ts";
import { type PickerProcess, startPicker } from "../test/support/picker-process.ts";
import { cpuMs, startPods } from "./wire/processes.ts";
import { machine, markdownTable, writeSection } from "./wire/results.ts";

const { values: flags } = parseArgs({
  options: {
    requests: { type: "string", default: "1000000" },
    concurrency: { type: "string", default: "64" },
    config: { type: "string", default: "buffered.yaml" },
    "envoy-version": { type: "string" },
    write: { type: "boolean", default: false },
  },
});

const PROGRESS_MS = 10_000;
const requests = Number(flags.requests);
const concurrency = Number(flags.concurrency);

const say = (line: string) => console.error(line);

/** Resident memory of a process in MiB. */
function residentMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024;
}

const describe = (outcomes: Outcomes) => [...outcomes].map(([outcome, count]) => `${outcome}: ${count}`).join(", ");

interface Parts {
  readonly picker: PickerProcess;
  readonly envoy: RunningEnvoy;
  readonly load: Load;
}

async function runLoad({ picker, load }: Parts): Promise<{ seconds: number; cpuUs: number }> {
  const startedAt = performance.now();
  const cpuBefore = cpuMs(picker.pid);
  const seconds = () => (performance.now() - startedAt) / 1000;
  const progress = setInterval(() => {
    const done = [...load.outcomes.values()].reduce((sum, count) => sum + count, 0);
    const rate = Math.round(done / seconds());
    const memory = Math.round(residentMib(picker.pid));
    say(`${done} of ${requests}, ${rate}/s, picker ${memory} MiB, ${describe(load.outcomes)}`);
  }, PROGRESS_MS);
  await load.closedLoop(requests, concurrency);
  clearInterval(progress);
  return { seconds: seconds(), cpuUs: ((cpuMs(picker.pid) - cpuBefore) * 1000) / requests };
}

/** What must be zero or equal afterwards, in words; empty when all is well. */
async function complaints({ picker, load }: Parts): Promise<string[]> {
  await Promise.race([picker.metricBecomes("pointsman_in_flight", 0), picker.exited]);
  const found: string[] = [];
  const expect = (what: string, got: number, wanted: number) => {
    if (got !== wanted) found.push(`${what}: ${got} instead of ${wanted}`);
  };
  expect("answers with 200", load.outcomes.get("200") ?? 0, requests);
  expect("picks", await picker.metric("pointsman_picks_total"), requests);
  expect("streams open", await picker.metric("pointsman_streams_open"), 0);
  expect("bytes held", await picker.metric("pointsman_buffered_bytes"), 0);
  expect("faults", await picker.metric("pointsman_faults_total"), 0);
  expect("connections closed as floods", await picker.metric("pointsman_reset_floods_total"), 0);
  return found;
}

async function envoyCount(envoy: RunningEnvoy, name: string): Promise<number> {
  const stats = await envoy.admin(`/stats?filter=${name}`);
  return Number(new RegExp(`${name}: (\\d+)`).exec(stats)?.[1] ?? Number.NaN);
}

async function soak(parts: Parts): Promise<boolean> {
  const { picker, envoy, load } = parts;
  const memoryBefore = residentMib(picker.pid);
  const { seconds, cpuUs } = await runLoad(parts);
  const faults = await complaints(parts);
  const memory = `${Math.round(memoryBefore)} -> ${Math.round(residentMib(picker.pid))}`;
  const resets = await envoyCount(envoy, "cluster.picker.upstream_rq_tx_reset");
  const connections = await envoyCount(envoy, "cluster.picker.upstream_cx_total");
  const head = [
    "requests",
    "at once",
    "answers",
    "req/s",
    "picker CPU µs/request",
    "picker MiB",
    "streams reset",
    "connections",
  ];
  const row = [
    requests,
    concurrency,
    describe(load.outcomes),
    Math.round(requests / seconds),
    Math.round(cpuUs),
    memory,
  ];
  const table = markdownTable(head, [[...row, resets, connections].map(String)]);
  const verdict = faults.length === 0 ? "Nothing failed, nothing stayed open." : faults.join("; ");
  const report = `${machine()}, Envoy ${envoyVersion}, ${flags.config}.\n\n${table}\n\n${verdict}`;
  console.log(report);
  if (flags.write) writeSection("soak", report);
  return faults.length === 0;
}

const version = flags["envoy-version"];
const { path: binary, version: envoyVersion } = await findEnvoy(version === undefined ? { say } : { say, version });
const pods = await startPods(4);
const picker = await startPicker([`--pods=${pods.join(",")}`]);
let turn = 0;
try {
  const edits = [listenOn(0), adminOn(0), pickersAt([picker.address])];
  // The shipped configs switch Envoy's resets off; here they are what is tested.
  const config = renderEnvoyConfig(flags.config, [...edits, { op: "remove", at: ["layered_runtime"] }]);
  const envoy = await startEnvoy({ binary, config });
  try {
    const load = new Load({ port: envoy.ports.get("requests") ?? 0, body: () => chatBody(turn++) });
    const isWell = await soak({ picker, envoy, load });
    load.stop();
    process.exitCode = isWell ? 0 : 1;
  } finally {
    await envoy.stop();
  }
} finally {
  await picker.kill();
}

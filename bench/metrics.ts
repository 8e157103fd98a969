/**
 * What /metrics costs the thread that picks: `node bench/metrics.ts`, with 200 pods under our names and the Go picker's.
 * CPU of the thread per page, made alone and asked for over HTTP; and how long at most it lets nobody else in, which is
 * wall time: on a busy machine the least of all pages says more than the median.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { readGoGauges } from "../src/observe/go-gauges.ts";
import { GoReport } from "../src/observe/go-report.ts";
import { listenHttp, metricsServer } from "../src/observe/http-servers.ts";
import { labelsText } from "../src/observe/metric-cells.ts";
import { type Instruments, type MetricNames, Metrics } from "../src/observe/metrics.ts";
import { PickReport } from "../src/observe/pick-report.ts";
import { readPodGauges } from "../src/observe/pod-report.ts";
import { type Pod, PodTable } from "../src/pods/pod-table.ts";
import { defaultPoolSettings, type Pool } from "../src/pods/pool.ts";
import { Pools } from "../src/pods/pools.ts";
import { ServedModels } from "../src/pods/served-models.ts";
import { type Picked, type PickReason, pickReasons } from "../src/routing/decision.ts";
import { seededRandom } from "../src/routing/seeded-random.ts";
import { machine, markdownTable, median, writeSection } from "./wire/results.ts";

const { values } = parseArgs({
  options: {
    pods: { type: "string", default: "200" },
    models: { type: "string", default: "20" },
    renderings: { type: "string", default: "200" },
    write: { type: "boolean", default: false },
  },
});
const podCount = Number(values.pods);
const renderings = Number(values.renderings);
const random = seededRandom(1);

/** A table of pods that all tell everything, with long numbers as real ones are. */
function fullTable(): { table: PodTable; pools: Pools; pool: Pool } {
  const table = new PodTable();
  const specs = Array.from({ length: podCount }, (_, at) => {
    return {
      name: `default/vllm-llama-3-70b-${(at * 7919).toString(36)}`,
      address: `10.4.${at >> 8}.${at & 255}:8000`,
    };
  });
  table.reconcile(specs);
  for (const column of Object.values(table.columns)) for (const { slot } of table.pods()) column[slot] = random() * 40;
  const pools = new Pools({ table, models: new ServedModels() });
  const pool = pools.obtain("llama", defaultPoolSettings);
  pool.assign(table.pods());
  pool.lists = () => true;
  return { table, pools, pool };
}

function picksOf(pods: readonly Pod[], pool: Pool): Picked[] {
  const reasons = Object.keys(pickReasons) as PickReason[];
  return pods.flatMap((pod) =>
    Array.from({ length: Number(values.models) }, (_, at) => {
      const model = `model-${at}`;
      const reason = reasons[at % reasons.length] ?? "scored";
      const given = { kind: "picked", pod, pool, reason, score: 1, model, seed: 1 } as const;
      return { ...given, predictedHit: random(), uncachedTokens: 1000 * random() };
    }),
  );
}

function fill(instruments: Instruments, table: PodTable, picks: readonly Picked[]): void {
  const report = new PickReport(instruments);
  report.readFrom(table);
  readPodGauges(table, { ageMs: () => 1000 * random() }, instruments);
  for (const picked of picks) {
    report.picked(picked);
    report.answered(picked.pod, 1000 * random(), 500 * random());
    instruments.pickSeconds.observe(random() / 10);
  }
  for (const gauge of [instruments.poolPods, instruments.poolUsable, instruments.poolTold]) {
    gauge.readFrom((write) => write(labelsText({ pool: "llama" }), podCount));
  }
}

const byRequest = [
  ...(["requestSeconds", "requestBytes", "responseBytes", "inputTokens", "outputTokens", "cachedTokens"] as const),
  ...(["ntpotSeconds", "tpotSeconds", "itlSeconds"] as const),
];

/** Every model's answers are streamed and tell everything: so many lines the page can have. */
function fillGo(metrics: Metrics, table: PodTable, pools: Pools, picks: readonly Picked[]): void {
  const report = new GoReport({ now: () => performance.now(), isKnownModel: () => true, namespaceOf: () => "default" });
  readGoGauges(report.families, {
    ...{ version: "0.0.0", table, pools, flows: report.flows, namespaceOf: () => "default" },
    ...{ indexEntries: () => 1e6, openStreams: () => 100, scrapes: metrics.instruments.scrapes },
  });
  for (const picked of picks) {
    const cells = report.picked(picked, 1, "", undefined);
    cells.ttft(report.families, true).observe(random());
    for (const name of byRequest) cells.histogram(report.families[name]).observe(random() * 100);
  }
  metrics.others.push(...Object.values(report.families));
}

const used = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.threadCpuUsage(since);
  return (user + system) / 1000;
};

/** The longest that this thread lets nobody else in, by turning the event loop without rest. */
class Turnstile {
  longestMs = 0;
  #lastMs = 0;
  #waiting: NodeJS.Immediate | undefined;

  readonly #turn = (): void => {
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.#lastMs);
    this.#lastMs = now;
    this.#waiting = setImmediate(this.#turn);
  };

  start(): void {
    this.longestMs = 0;
    this.#lastMs = performance.now();
    this.#turn();
  }

  stop(): void {
    clearImmediate(this.#waiting);
  }
}

async function measure(names: MetricNames): Promise<string[]> {
  const metrics = new Metrics("0.0.0", names);
  metrics.watchProcess();
  const { table, pools, pool } = fullTable();
  const picks = picksOf(table.pods(), pool);
  fill(metrics.instruments, table, picks);
  if (names !== "pointsman") fillGo(metrics, table, pools, picks);
  const server = metricsServer(metrics, () => ({ ready: true, sentence: "" }));
  const watch = { begin: () => {}, end: () => {} };
  server.addHook("onRequest", async () => watch.begin());
  server.addHook("onResponse", async () => watch.end());
  const port = await listenHttp(server, "127.0.0.1", 0);
  const page = await metrics.render();
  for (let i = 0; i < 50; i++) await metrics.render();
  const before = process.threadCpuUsage();
  for (let i = 0; i < renderings; i++) await metrics.render();
  const made = used(before) / renderings;
  const served = await servedMillis(port);
  const slices: number[] = [];
  const turnstile = new Turnstile();
  watch.begin = () => turnstile.start();
  watch.end = () => {
    turnstile.stop();
    slices.push(turnstile.longestMs);
  };
  await servedMillis(port);
  await server.close();
  const series = page.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  const show = (ms: number) => ms.toFixed(2);
  return [
    ...[names, String(podCount), String(series), (page.length / 1024).toFixed(0)],
    ...[show(made), show(served), show(Math.min(...slices)), show(median(slices))],
  ];
}

/** CPU of this thread for one page asked for over HTTP, by a process of its own. */
async function servedMillis(port: number): Promise<number> {
  const ask = `for (let i = 0; i < ${renderings}; i++) await (await fetch("http://127.0.0.1:${port}/metrics")).arrayBuffer();`;
  const before = process.threadCpuUsage();
  const child = spawn(process.execPath, ["--input-type=module", "-e", ask], { stdio: "inherit" });
  await once(child, "exit");
  return used(before) / renderings;
}

const heads = [
  ...["names", "pods", "series", "page KiB", "CPU ms, page made"],
  ...["CPU ms, page served", "longest slice ms, least", "longest slice ms, median"],
];
const rows: string[][] = [];
for (const names of ["pointsman", "go", "both"] as const) rows.push(await measure(names));
const text = [`${machine()}; ${values.models} models, ${renderings} renderings.`, "", markdownTable(heads, rows)].join(
  "\n",
);
console.log(text);
if (values.write) writeSection("metrics", text);

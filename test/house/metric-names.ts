/**
 * The metrics as a contract: deploy/monitoring/metric-names.txt lists every name with its kind, labels and help.
 * `npm run docs` adds what is new; what is gone or means something else is for people to decide.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GoMetric } from "../../src/observe/go-metric.ts";
import { emittedMetrics, GO_PREFIX } from "../../src/observe/go-metrics.ts";
import { metricSpecs } from "../../src/observe/metric-specs.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { readSource, root } from "./tree.ts";

export const namesPath = "deploy/monitoring/metric-names.txt";

/** Of the many metrics of process and runtime, those that are promised: they say what holds up picks. */
const promised: Readonly<Record<string, readonly string[]>> = {
  process_cpu_seconds_total: [],
  process_resident_memory_bytes: [],
  process_start_time_seconds: [],
  nodejs_eventloop_lag_p50_seconds: [],
  nodejs_eventloop_lag_p99_seconds: [],
  nodejs_eventloop_lag_max_seconds: [],
  nodejs_gc_duration_seconds: ["kind"],
  nodejs_heap_size_used_bytes: [],
};

export interface NamedMetric {
  readonly name: string;
  readonly kind: string;
  readonly labels: readonly string[];
  readonly help: string;
}

function goNames(metrics: readonly GoMetric[]): NamedMetric[] {
  return metrics.flatMap(({ name, kind, labels, olderLabels = labels, older, help = "" }) => [
    { name: `${GO_PREFIX}${name}`, kind, labels, help },
    ...(older === undefined ? [] : [{ name: older, kind, labels: olderLabels, help }]),
  ]);
}

/** Kind and help of these are what the page says. */
async function processNames(): Promise<NamedMetric[]> {
  const metrics = new Metrics("", "go");
  metrics.watchProcess();
  const page = await metrics.render();
  return Object.entries(promised).map(([name, labels]) => {
    const [, help = "", kind = ""] = new RegExp(`^# HELP ${name} (.*)\n# TYPE ${name} (\\w+)$`, "m").exec(page) ?? [];
    return { name, kind, labels, help };
  });
}

/** All that the code emits: the picker's own, the Go picker's, the process's. */
export async function metricsOfCode(): Promise<NamedMetric[]> {
  return [...Object.values(metricSpecs), ...goNames(Object.values(emittedMetrics)), ...(await processNames())];
}

export function lineOf({ name, kind, labels, help }: NamedMetric): string {
  return `${name} ${kind} {${labels.join(",")}} ${help}`;
}

export function listedLines(): string[] {
  if (!existsSync(join(root, namesPath))) return [];
  return readSource(namesPath)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

const head = [
  "# Every metric of the picker, one a line: name, kind, {labels}, help. Names, kinds and labels are an API: a line may be",
  "# added, and help may say the same better; what is removed or renamed breaks somebody's dashboard.",
];

/** The list with what is new in it. */
export async function namesText(): Promise<string> {
  const listed = listedLines();
  const known = new Set(listed.map((line) => line.split(" ", 1)[0]));
  const added = (await metricsOfCode()).filter(({ name }) => !known.has(name)).map(lineOf);
  return `${[...head, ...[...listed, ...added].sort()].join("\n")}\n`;
}

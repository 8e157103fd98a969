/** How long the picking thread is held up by the largest batch that a scraping worker ever posts. */
import { deserialize, serialize } from "node:v8";
import { PodTable } from "../../src/pods/pod-table.ts";
import { type Batch, BatchReader } from "../../src/scrape/batch.ts";
import { numberNames } from "../../src/scrape/engines.ts";
import { Outbox } from "../../src/scrape/outbox.ts";
import type { WorkEvents } from "../../src/scrape/scrape-work.ts";
import { Scraper, scrapeOptions } from "../../src/scrape/scraper.ts";

const ROUNDS = 3000;
const PODS = 200;

/** Results of more pods than fit, and a list of models that takes several batches. */
function largestBatch(): Batch {
  const posted: Batch[] = [];
  const due: (() => void)[] = [];
  const outbox = new Outbox(
    (batch) => posted.push(batch),
    (_ms, run) => due.push(run),
  );
  const numbers = Float64Array.from(numberNames, (_, i) => i + 0.5);
  for (let id = 1; id <= PODS; id++) {
    outbox.scraped(id, { outcome: "ok", seconds: 0.005, startedAtMs: 0, numbers });
  }
  const entry = { object: "model", created: 1795249146, owned_by: "vllm", root: "m/tiny", parent: null };
  outbox.models(1, {
    kind: "listed",
    entries: Array.from({ length: 1000 }, (_, i) => ({ id: `model-${i}`, ...entry })),
  });
  due[0]?.();
  return posted[0] as Batch;
}

/** Copying it between the threads is in the figure, by the same serializer. */
export function fullBatch(): { medianMs: number; p99Ms: number; batchBytes: number } {
  const table = new PodTable();
  const specs = Array.from({ length: PODS }, (_, i) => ({ name: `pod-${i}`, address: `10.0.0.1:${i + 1}` }));
  const { joined } = table.reconcile(specs);
  const told: { events?: WorkEvents } = {};
  const scraper = new Scraper({
    table,
    events: { scraped() {}, overtaken() {}, models() {}, restarted() {}, workerFailed() {} },
    now: () => 1,
    random: Math.random,
    startWork: ({ events }) => {
      told.events = events;
      return { watch() {}, drop() {}, stop: async () => {} };
    },
  });
  scraper.watch(joined, scrapeOptions());
  const bytes = serialize(largestBatch());
  const spent: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now();
    if (told.events !== undefined) new BatchReader(told.events).read(deserialize(bytes) as Batch);
    spent.push(performance.now() - before);
  }
  const sorted = spent.slice(ROUNDS / 3).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { medianMs: at(0.5), p99Ms: at(0.99), batchBytes: bytes.length };
}

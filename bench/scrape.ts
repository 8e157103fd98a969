/**
 * What scraping costs, and how long it holds up the thread that picks: `node bench/scrape.ts [--write]`.
 * In a worker thread, as the picker does it, beside the same work in the picking thread. See bench/README.md.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fullBatch } from "./scrape/full-batch.ts";
import type { PodPages } from "./scrape/pod-pages.ts";
import type { SubjectFigures, SubjectOrder } from "./scrape/subject.ts";
import { machine, markdownTable, writeSection } from "./wire/results.ts";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    pods: { type: "string", default: "100,200" },
    intervals: { type: "string", default: "1000,50" },
    write: { type: "boolean", default: false },
  },
});
const numbers = (list: string) => list.split(",").map(Number);
const seconds = Number(flags.seconds);
const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

function start(path: string, args: readonly string[] = []): ChildProcess {
  const child = fork(fileOf(path), args);
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** What the child says first. */
async function answerOf<T>(child: ChildProcess): Promise<T> {
  const [answer] = await Promise.race([once(child, "message"), once(child, "exit").then(() => ["ended"])]);
  if (answer === "ended") throw new Error("a process of the bench ended early");
  return answer as T;
}

const pages = start("scrape/pod-pages.ts", [String(Math.max(...numbers(flags.pods)))]);
const addresses = await answerOf<PodPages>(pages);
const sliceCells = ({ longestMs, over1Ms }: SubjectFigures["turns"]) => [longestMs.toFixed(2), `${over1Ms}`];
const share = (value: number) => value.toFixed(3);
const rows: string[][] = [];
for (const intervalMs of numbers(flags.intervals)) {
  for (const count of numbers(flags.pods)) {
    for (const mode of ["worker", "inline"] as const) {
      const subject = start("scrape/subject.ts");
      const order: SubjectOrder = { addresses: addresses.slice(0, count), mode, intervalMs, seconds };
      subject.send(order);
      const figures = await answerOf<SubjectFigures>(subject);
      rows.push([
        `${count}`,
        `${intervalMs} ms`,
        mode,
        figures.scrapesPerSecond.toFixed(0),
        share(figures.processShare),
        share(figures.pickingShare),
        ...sliceCells(mode === "worker" ? figures.batches : figures.turns),
        ...(mode === "worker" ? ["", ""] : sliceCells(figures.idleTurns)),
        `${figures.failures}`,
      ]);
      if (process.stderr.isTTY) process.stderr.write(`${rows.at(-1)?.join("  ")}\n`);
    }
  }
}
pages.disconnect();
const head = ["pods", "interval", "asked in", "scrapes/s", "cores, process", "cores, picking thread"];
const sliceHead = ["longest slice, ms", "slices over 1 ms", "longest without scraping, ms", "those over 1 ms"];
const table = markdownTable([...head, ...sliceHead, "failed scrapes"], rows);
const { medianMs, p99Ms, batchBytes } = fullBatch();
const bound = `The largest batch a worker posts (${batchBytes} bytes) is read in ${medianMs.toFixed(2)} ms (median; p99 ${p99Ms.toFixed(2)}).`;
const report = `${machine()}; pages of 65 KB, ${seconds} s per figure.\n\n${table}\n\n${bound}`;
console.log(report);
if (flags.write) writeSection("scrape", report);

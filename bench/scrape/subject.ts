/** A process that does nothing but scrape, and measures what that costs it; told once to the parent. */

import { Worker } from "node:worker_threads";
import { PodTable } from "../../src/pods/pod-table.ts";
import { inlineScrapes } from "../../src/scrape/inline-scrapes.ts";
import { ScrapeThread } from "../../src/scrape/scrape-thread.ts";
import type { StartWork } from "../../src/scrape/scrape-work.ts";
import { type ScrapeEvents, Scraper, scrapeOptions } from "../../src/scrape/scraper.ts";

export interface SubjectOrder {
  readonly addresses: readonly string[];
  readonly mode: "worker" | "inline";
  readonly intervalMs: number;
  readonly seconds: number;
}

export interface SubjectFigures {
  readonly scrapesPerSecond: number;
  readonly failures: number;
  /** Shares of a core: all threads, and the one that picks. */
  readonly processShare: number;
  readonly pickingShare: number;
  /** Of the picking thread's event loop: the longest turn, and how many took over 1 ms; also with nothing to do. */
  readonly turns: { readonly longestMs: number; readonly over1Ms: number };
  /** Time spent on one batch of the worker's at most, and how many took over 1 ms; 0 without a worker. */
  readonly batches: { longestMs: number; over1Ms: number };
  readonly idleTurns: { readonly longestMs: number; readonly over1Ms: number };
}

/** A worker's share of the picking thread is its batches, which are timed without filling a core. */
const noTurns = { longestMs: 0, over1Ms: 0 };
const WARM_UP_MS = 10_000;
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const micros = ({ user, system }: NodeJS.CpuUsage) => user + system;

/**
 * Turns the event loop without rest and takes the time of each turn, in a phase of its own since this alone fills a
 * core. Whatever else runs on that core shows too: the same without scraping tells how much that is.
 */
async function turns(milliseconds: number): Promise<{ longestMs: number; over1Ms: number }> {
  const end = performance.now() + milliseconds;
  let longestMs = 0;
  let over1Ms = 0;
  let before = performance.now();
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      const now = performance.now();
      longestMs = Math.max(longestMs, now - before);
      if (now - before > 1) over1Ms++;
      before = now;
      if (now < end) setImmediate(turn);
      else resolve();
    };
    setImmediate(turn);
  });
  return { longestMs, over1Ms };
}

/** The scraper's own worker, with every reading of a batch timed. */
function timedThread(batches: SubjectFigures["batches"]): StartWork {
  const file = new URL("../../src/scrape/scrape-worker.ts", import.meta.url);
  return (parts) =>
    new ScrapeThread(parts, {
      open: (workerData) => {
        const worker = new Worker(file, { workerData, execArgv: [] });
        const on = worker.on.bind(worker) as (event: string, listener: (...values: never[]) => void) => Worker;
        const timed = (event: string, listener: (...values: never[]) => void) =>
          on(event, (...values: never[]) => {
            const before = performance.now();
            listener(...values);
            const spentMs = performance.now() - before;
            batches.longestMs = Math.max(batches.longestMs, spentMs);
            if (spentMs > 1) batches.over1Ms++;
          });
        worker.on = timed as Worker["on"];
        return worker;
      },
    });
}

async function measure({ addresses, mode, intervalMs, seconds }: SubjectOrder): Promise<SubjectFigures> {
  const idleTurns = mode === "inline" ? await turns(seconds * 1000) : noTurns;
  let scrapes = 0;
  let failures = 0;
  const events: ScrapeEvents = {
    scraped: (_pod, outcome) => {
      scrapes++;
      if (outcome !== "ok") failures++;
    },
    overtaken: () => {},
    models: () => {},
    restarted: () => {},
    workerFailed: (problem) => {
      throw new Error(problem);
    },
  };
  const table = new PodTable();
  const { joined } = table.reconcile(addresses.map((address, i) => ({ name: `pod-${i}`, address })));
  const batches = { longestMs: 0, over1Ms: 0 };
  const startWork = mode === "inline" ? inlineScrapes() : timedThread(batches);
  const scraper = new Scraper({ table, events, now: () => performance.now(), random: Math.random, startWork });
  scraper.watch(joined, scrapeOptions({ intervalMs }));
  await sleep(WARM_UP_MS);
  const scrapesBefore = scrapes;
  batches.longestMs = batches.over1Ms = 0;
  const whole = process.cpuUsage();
  const picking = process.threadCpuUsage();
  const beganMs = performance.now();
  await sleep(seconds * 1000);
  const elapsedMs = performance.now() - beganMs;
  const figures = {
    scrapesPerSecond: ((scrapes - scrapesBefore) * 1000) / elapsedMs,
    processShare: micros(process.cpuUsage(whole)) / 1000 / elapsedMs,
    pickingShare: micros(process.threadCpuUsage(picking)) / 1000 / elapsedMs,
  };
  const busy = mode === "inline" ? await turns(seconds * 1000) : noTurns;
  await scraper.stop();
  return { ...figures, turns: busy, idleTurns, batches, failures };
}

process.once("message", async (order: SubjectOrder) => {
  process.send?.(await measure(order), () => process.exit());
});

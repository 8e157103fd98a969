import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../../src/engine-model/clock.ts";
import { numberNames } from "../../../src/scrape/engines.ts";
import { Outbox } from "../../../src/scrape/outbox.ts";
import { scrapeOptions } from "../../../src/scrape/scrape-options.ts";
import { openWorker, ScrapeThread, type WorkerLike } from "../../../src/scrape/scrape-thread.ts";
import { alive, type Command, threadClockMs } from "../../../src/scrape/thread-protocol.ts";

class FakeWorker extends EventEmitter {
  readonly commands: Command[] = [];
  terminated = 0;
  referenced = true;

  postMessage(command: Command): void {
    this.commands.push(command);
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }

  async terminate(): Promise<number> {
    this.terminated++;
    return 1;
  }

  /** Without the answers to pings and batches. */
  get orders(): Command[] {
    return this.commands.filter(({ kind }) => kind !== "ping" && kind !== "read");
  }
}

function thread(open?: () => WorkerLike) {
  const clock = new VirtualClock();
  const workers: FakeWorker[] = [];
  const told: unknown[] = [];
  const seeds: number[] = [];
  const work = new ScrapeThread(
    {
      events: {
        scraped: (id, { startedAtMs, outcome }) => told.push([id, outcome, startedAtMs]),
        reached: (id, is) => told.push([id, is]),
        overtaken: (outcome, count) => told.push([outcome, count]),
        traits: (id, { engine }) => told.push([id, engine]),
        detail: (id, text) => told.push([id, text]),
        models: (id, { kind }) => told.push([id, kind]),
        failed: (problem) => told.push(problem),
      },
      now: () => clock.now(),
      random: () => 0.25,
    },
    {
      after: (ms, run) => clock.schedule(ms, run),
      open: ({ seed }) => {
        seeds.push(seed);
        if (open !== undefined) return open();
        const worker = new FakeWorker();
        workers.push(worker);
        return worker as unknown as WorkerLike;
      },
    },
  );
  return { clock, workers, told, seeds, work, last: () => workers.at(-1) as FakeWorker };
}

const options = scrapeOptions();
const pod = (id: number) => ({ id, address: `10.0.0.1:${id}` });

describe("ScrapeThread", () => {
  test("starts its worker with the first pods, once, and lets the process end in spite of it", () => {
    const { work, workers, seeds, last } = thread();
    expect(workers).toHaveLength(0);
    work.watch([pod(1), pod(2)], options);
    work.watch([pod(3)], options);
    work.drop(2);
    work.drop(9);
    expect(workers).toHaveLength(1);
    expect(seeds).toEqual([2 ** 30]);
    expect(last().referenced).toBe(false);
    expect(last().orders).toEqual([
      { kind: "watch", ids: [1, 2], addresses: ["10.0.0.1:1", "10.0.0.1:2"], options },
      { kind: "watch", ids: [3], addresses: ["10.0.0.1:3"], options },
      { kind: "drop", id: 2 },
    ]);
  });

  test("replaces a worker that dies, ever later, and tells the new one all it has to know", () => {
    const { work, clock, workers, told, last } = thread();
    const other = scrapeOptions({ intervalMs: 50 });
    work.watch([pod(1), pod(2)], options);
    work.watch([pod(3)], other);
    work.drop(1);
    const waits: number[] = [];
    for (let death = 1; death <= 9; death++) {
      last().emit("error", new Error(`death ${death}`));
      last().emit("exit", 1);
      const diedAtMs = clock.now();
      while (workers.length === death) clock.runUntil(clock.now() + 50);
      waits.push(clock.now() - diedAtMs);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(told).toHaveLength(9);
    expect(told[0]).toBe("death 1");
    expect(last().orders).toEqual([
      { kind: "watch", ids: [2], addresses: ["10.0.0.1:2"], options },
      { kind: "watch", ids: [3], addresses: ["10.0.0.1:3"], options: other },
    ]);
  });

  test("replaces one that lived for long as fast as the first, and says its code", () => {
    const { work, clock, workers, told, last } = thread();
    work.watch([pod(1)], options);
    last().emit("exit", 1);
    clock.runUntil(100);
    for (let ms = 1000; ms <= 31_000; ms += 1000) {
      clock.runUntil(ms);
      last().emit("message", alive);
    }
    last().emit("exit", 7);
    clock.runUntil(31_099);
    expect(workers).toHaveLength(2);
    clock.runUntil(31_100);
    expect(workers).toHaveLength(3);
    expect(told).toEqual(["the thread ended with code 1", "the thread ended with code 7"]);
  });

  test("keeps pods that come between two workers for the next", () => {
    const { work, clock, workers, last } = thread();
    work.watch([pod(1)], options);
    last().emit("exit", 1);
    work.watch([pod(2)], options);
    expect(workers).toHaveLength(1);
    clock.runUntil(100);
    expect(last().orders).toMatchObject([{ kind: "watch", ids: [1, 2] }]);
  });

  test("replaces a worker whose memory is full", async () => {
    const starts: Worker[] = [];
    const { work, clock, told } = thread(() => {
      const resourceLimits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 };
      const filling = starts.length === 0 ? "const all = []; for (;;) all.push(new Array(1000).fill({}));" : "";
      const worker = new Worker(filling, { eval: true, resourceLimits });
      starts.push(worker);
      return worker;
    });
    work.watch([pod(1)], options);
    await new Promise((resolve) => starts[0]?.on("exit", resolve));
    expect(told).toEqual([expect.stringMatching(/memory limit/)]);
    clock.runUntil(100);
    expect(starts).toHaveLength(2);
    await work.stop();
  });

  test("tries again where a worker cannot even be started", () => {
    const { work, clock, told, seeds } = thread(() => {
      throw new Error("no threads left");
    });
    work.watch([pod(1)], options);
    clock.runUntil(300);
    expect(seeds).toHaveLength(3);
    expect(told).toEqual(Array(3).fill("no threads left"));
  });

  test("ends a worker that leaves three questions unanswered", () => {
    const { work, clock, workers, last } = thread();
    work.watch([pod(1)], options);
    for (let ms = 1000; ms <= 60_000; ms += 1000) {
      clock.runUntil(ms);
      last().emit("message", alive);
    }
    expect(last().terminated).toBe(0);
    clock.runUntil(99_999);
    expect(last().terminated).toBe(0);
    clock.runUntil(100_000);
    expect(last().terminated).toBe(1);
    last().emit("exit", 1);
    clock.runUntil(100_100);
    expect(workers).toHaveLength(2);
    // The next one is asked afresh.
    clock.runUntil(140_000);
    expect(last().terminated).toBe(0);
    clock.runUntil(140_100);
    expect(last().terminated).toBe(1);
  });

  test("passes batches on, on its own clock, and says that they are read", () => {
    const { work, clock, told, last } = thread();
    work.watch([pod(1)], options);
    clock.runUntil(5000);
    const box = new Outbox(
      (batch) => last().emit("message", batch),
      (_ms, run) => run(),
    );
    const startedAtMs = threadClockMs() - 1000;
    const numbers = new Float64Array(numberNames.length);
    box.scraped(1, { outcome: "ok", seconds: 0, startedAtMs, numbers });
    expect(told).toEqual([[1, "ok", expect.any(Number)]]);
    const [[, , told1]] = told as [[number, string, number]];
    expect(told1).toBeLessThanOrEqual(4000);
    expect(told1).toBeGreaterThan(3000);
    expect(last().commands.at(-1)).toEqual({ kind: "read" });
  });

  test("stops when the worker has ended, and ends it itself after a second", async () => {
    const { work, clock, told, last } = thread();
    work.watch([pod(1)], options);
    const stopped = work.stop();
    expect(last().orders.at(-1)).toEqual({ kind: "stop" });
    expect(last().referenced).toBe(true);
    clock.runUntil(999);
    expect(last().terminated).toBe(0);
    clock.runUntil(1000);
    expect(last().terminated).toBe(1);
    last().emit("exit", 1);
    await stopped;
    expect(told).toEqual([]);
  });

  test("stops at once without a worker, and starts none afterwards", async () => {
    const { work, clock, workers, last } = thread();
    await work.stop();
    const other = thread();
    other.work.watch([pod(1)], options);
    other.last().emit("exit", 1);
    await other.work.stop();
    other.clock.runUntil(60_000);
    clock.runUntil(60_000);
    expect([workers.length, other.workers.length]).toEqual([0, 1]);
    expect(last()).toBeUndefined();
  });
});

describe("the worker thread", () => {
  test("has memory enough for its pods, and not that of the process", async () => {
    const opened: Worker[] = [];
    const { work } = thread(() => {
      const worker = openWorker({ seed: 1 });
      opened.push(worker as Worker);
      return worker;
    });
    work.watch([pod(1)], options);
    expect(opened[0]?.resourceLimits).toMatchObject({ maxOldGenerationSizeMb: 256 });
    await work.stop();
  });

  test("ends with the process, which does not wait for it", async () => {
    const scraper = new URL("../../../src/scrape/scraper.ts", import.meta.url);
    const table = new URL("../../../src/pods/pod-table.ts", import.meta.url);
    const program = `
      import { createServer } from "node:http";
      import { Scraper, scrapeOptions } from ${JSON.stringify(scraper.href)};
      import { PodTable } from ${JSON.stringify(table.href)};
      const server = createServer((_, response) => response.end("vllm:num_requests_waiting 1\\n"));
      server.listen(0, "127.0.0.1", () => {
        const table = new PodTable();
        const { joined } = table.reconcile([{ name: "a", address: "127.0.0.1:" + server.address().port }]);
        const scraped = (_pod, outcome) => {
          console.log(outcome);
          server.close();
          server.closeAllConnections();
        };
        const events = { scraped, overtaken() {}, models() {}, restarted() {}, workerFailed: console.log };
        new Scraper({ table, events, now: () => performance.now(), random: Math.random })
          .watch(joined, scrapeOptions({ intervalMs: 60_000, modelsPath: "" }));
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const output: string[] = [];
    child.stdout.on("data", (data: Buffer) => output.push(data.toString()));
    const [code] = await once(child, "close");
    expect([code, output.join("").split("\n")[0]]).toEqual([0, "partial"]);
  }, 30_000);
});

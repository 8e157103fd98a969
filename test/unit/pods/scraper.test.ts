import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { VirtualClock } from "../../../src/engine-model/clock.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { type ScrapeOptions, type ScrapeOutcome, Scraper } from "../../../src/pods/scraper.ts";
import { ScriptedClient } from "../../support/scripted-client.ts";

const recordedPage = readFileSync(join(import.meta.dirname, "../../fixtures/vllm/metrics-under-load.txt"));

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function listen(server: Server | TcpServer, port = 0): Promise<string> {
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  closers.push(() => close(server));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Resolves when the port is free; drops the connections as a killed process does. */
async function close(server: Server | TcpServer): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  if ("closeAllConnections" in server) server.closeAllConnections();
  await closed;
}

async function serve(answer: RequestListener): Promise<{ address: string; server: Server; connections: () => number }> {
  const server = createServer(answer);
  let connections = 0;
  server.on("connection", () => connections++);
  return { address: await listen(server), server, connections: () => connections };
}

const serveRecorded: RequestListener = (_, response) => response.end(recordedPage);

interface Report {
  readonly name: string;
  readonly outcome: ScrapeOutcome;
  readonly load: number;
}

/** A scraper over a table with one pod per address, started, on real time. */
function scrape(addresses: readonly string[], given: Partial<ScrapeOptions> = {}) {
  const table = new PodTable();
  table.reconcile(addresses.map((address, i) => ({ name: `pod-${i}`, address })));
  const reports: Report[] = [];
  const scraper = new Scraper(
    {
      table,
      events: { scraped: (pod, outcome, _seconds, load) => reports.push({ name: pod.name, outcome, load }) },
      now: () => performance.now(),
      random: () => 0.5,
    },
    { intervalMs: 20, timeoutMs: 5000, ...given },
  );
  closers.push(() => scraper.stop());
  scraper.start();
  const outcomesOf = (name: string) => reports.filter((report) => report.name === name).map(({ outcome }) => outcome);
  return { table, scraper, reports, outcomesOf };
}

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 8000, interval: 5 });

describe("Scraper against a real server", () => {
  test("reads a recorded page again and again over one connection", async () => {
    const { address, connections } = await serve(serveRecorded);
    const { table, reports } = scrape([address]);
    await until(() => expect(reports.length).toBeGreaterThanOrEqual(4));
    expect(new Set(reports.map(({ outcome, load }) => `${outcome} ${load}`))).toEqual(new Set(["ok 24"]));
    expect([table.columns.waiting[0], table.columns.running[0]]).toEqual([16, 8]);
    expect(table.columns.kvUsage[0]).toBeCloseTo(0.454, 3);
    expect(connections()).toBe(1);
  });

  test("asks for the configured path, and for plain text", async () => {
    const asked: unknown[] = [];
    const { address } = await serve((request, response) => {
      asked.push([request.method, request.url, request.headers.accept]);
      response.end(recordedPage);
    });
    scrape([address], { path: "/other" });
    await until(() => expect(asked[0]).toEqual(["GET", "/other", "text/plain;version=0.0.4"]));
  });

  test("reads a page that arrives in drops", async () => {
    const { address } = await serve((_, response) => {
      let at = recordedPage.indexOf("# HELP vllm:num_requests_running");
      const drip = (): void => {
        if (at >= recordedPage.length - 20_000) return void response.end();
        response.write(recordedPage.subarray(at, at + 1001), () => setImmediate(drip));
        at += 1001;
      };
      drip();
    });
    const { table, outcomesOf } = scrape([address]);
    await until(() => expect(outcomesOf("pod-0")[0]).toBe("ok"));
    expect([table.columns.waiting[0], table.columns.running[0]]).toEqual([16, 8]);
  });

  test("marks a pod that refuses connections unreachable", async () => {
    const { address, server } = await serve(serveRecorded);
    await close(server);
    const { table, outcomesOf } = scrape([address]);
    await until(() => expect(outcomesOf("pod-0")[0]).toBe("refused"));
    expect(table.reachable[0]).toBe(0);
  });

  test("marks a pod that drops connections unreachable, in the middle of a page too", async () => {
    const { address } = await serve((request, response) => {
      response.write(recordedPage.subarray(0, 10_000), () => request.socket.destroy());
    });
    const { table, outcomesOf } = scrape([address]);
    await until(() => expect(outcomesOf("pod-0")[0]).toBe("refused"));
    expect(table.reachable[0]).toBe(0);
    expect(table.columns.waiting[0]).toBeNaN();
  });

  test("gives up on a pod that never answers but keeps it reachable, and asks it again", async () => {
    const { address, connections } = await serve(() => undefined);
    const { table, outcomesOf } = scrape([address], { timeoutMs: 500 });
    await until(() => expect(outcomesOf("pod-0")).toEqual(["timeout"]));
    expect(table.reachable[0]).toBe(1);
    await until(() => expect(connections()).toBe(2));
  });

  test("reports errors, pages without readings and answers that are no HTTP, and goes on with the others", async () => {
    const failing = await serve((_, response) => response.writeHead(500).end(recordedPage));
    const page = await serve((_, response) => response.end("<html>hello</html>"));
    const noise = await listen(
      createTcpServer((socket) =>
        socket
          .on("error", () => {})
          .resume()
          .end("SSH-2.0-x\r\n"),
      ),
    );
    const large = await serve((_, response) => response.end(Buffer.alloc(300_000, "#")));
    const good = await serve(serveRecorded);
    const addresses = [failing.address, page.address, noise, large.address, good.address];
    const { table, outcomesOf } = scrape(addresses, { pageLimitBytes: 200_000 });
    await until(() => {
      expect(outcomesOf("pod-0")[1]).toBe("status");
      for (const name of ["pod-1", "pod-2", "pod-3"]) expect(outcomesOf(name)[1], name).toBe("unreadable");
      expect(outcomesOf("pod-4")[1]).toBe("ok");
    });
    expect(Array.from(table.reachable.subarray(0, 5))).toEqual([1, 1, 1, 1, 1]);
  });

  test("finds a pod again that restarts on the same port", async () => {
    const { address, server } = await serve(serveRecorded);
    const { table, outcomesOf } = scrape([address]);
    await until(() => expect(outcomesOf("pod-0").length).toBeGreaterThanOrEqual(2));
    await close(server);
    await until(() => expect(outcomesOf("pod-0")).toContain("refused"));
    expect(table.reachable[0]).toBe(0);
    expect(table.columns.running[0]).toBeNaN();
    const again = createServer(serveRecorded);
    await listen(again, Number(address.split(":")[1]));
    await until(() => expect(outcomesOf("pod-0").at(-1)).toBe("ok"));
    expect(table.reachable[0]).toBe(1);
    expect(table.columns.running[0]).toBe(8);
  });

  test("sees a kept connection drop long before the next scrape is due", async () => {
    const { address, server } = await serve(serveRecorded);
    const table = new PodTable();
    table.reconcile([{ name: "pod-0", address }]);
    const outcomes: ScrapeOutcome[] = [];
    let skippedMs = 0;
    let wake = () => {};
    const scraper = new Scraper(
      {
        table,
        events: { scraped: (_, outcome) => outcomes.push(outcome) },
        now: () => performance.now() + skippedMs,
        random: () => 0.5,
        after: (ms, run) => {
          wake = run;
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        },
      },
      { intervalMs: 3_600_000, timeoutMs: 5000 },
    );
    closers.push(() => scraper.stop());
    scraper.start();
    await until(() => expect(outcomes).toHaveLength(1));
    skippedMs = 3_600_000;
    wake();
    await until(() => expect(outcomes).toHaveLength(2));
    await close(server);
    await until(() => expect(outcomes).toEqual(["ok", "ok", "refused"]));
    expect(table.reachable[0]).toBe(0);
  });

  test("lets go of a pod that leaves in the middle of a request, and of its slot", async () => {
    const hanging = await serve(() => undefined);
    const good = await serve(serveRecorded);
    const closed = new Promise((resolve) => {
      hanging.server.on("connection", (socket) => socket.on("close", resolve));
    });
    const asked = new Promise((resolve) => hanging.server.on("request", resolve));
    const { table, scraper, reports, outcomesOf } = scrape([hanging.address]);
    await asked;
    const { joined } = table.reconcile([{ name: "good", address: good.address }]);
    scraper.watch(joined);
    await closed;
    await until(() => expect(outcomesOf("good")[0]).toBe("ok"));
    expect(joined[0]?.slot).toBe(0);
    expect(table.columns.waiting[0]).toBe(16);
    expect(reports.every(({ name }) => name === "good")).toBe(true);
  });

  test("closes every connection when it stops, and reports no more", async () => {
    const good = await serve(serveRecorded);
    const hanging = await serve(() => undefined);
    const { scraper, reports, outcomesOf } = scrape([good.address, hanging.address]);
    const open = (server: Server) => new Promise<number>((done) => server.getConnections((_, count) => done(count)));
    await until(() => expect(outcomesOf("pod-0").length).toBeGreaterThanOrEqual(1));
    await vi.waitFor(async () => expect(await open(hanging.server)).toBe(1));
    await scraper.stop();
    const reported = reports.length;
    await vi.waitFor(async () => expect([await open(good.server), await open(hanging.server)]).toEqual([0, 0]));
    expect(reports).toHaveLength(reported);
  });
});

/** A scraper on virtual time over scripted clients. */
function script(count: number, given: Partial<ScrapeOptions> = {}) {
  const clock = new VirtualClock();
  const table = new PodTable();
  const specs = Array.from({ length: count }, (_, i) => ({ name: `pod-${i}`, address: `10.0.0.1:${i + 1}` }));
  const { joined } = table.reconcile(specs);
  const clients: ScriptedClient[] = [];
  const outcomes: string[] = [];
  const scraper = new Scraper(
    {
      table,
      events: { scraped: (pod, outcome) => outcomes.push(`${pod.name} ${outcome}`) },
      now: () => clock.now(),
      random: () => 0.5,
      after: (ms, run) => clock.schedule(ms, run),
      connect: (origin) => {
        const client = new ScriptedClient(origin);
        clients.push(client);
        return client.asDispatcher();
      },
    },
    given,
  );
  return { clock, table, scraper, joined, clients, outcomes };
}

describe("Scraper", () => {
  test("begins when it starts, not before", () => {
    const { scraper, clock, joined, clients } = script(1);
    scraper.watch(joined);
    clock.runUntil(5000);
    expect(clients).toEqual([]);
    scraper.start();
    clock.runUntil(5000);
    expect(clients).toHaveLength(1);
  });

  test("spreads the first scrapes of pods that join together, 8 a millisecond", () => {
    const { scraper, clock, clients } = script(20);
    scraper.start();
    const begun = [0, 1, 2, 3].map((ms) => {
      clock.runUntil(ms);
      return clients.length;
    });
    expect(begun).toEqual([8, 16, 20, 20]);
  });

  test("watches a pod once, and none that is gone already", () => {
    const { scraper, clock, table, joined, clients } = script(2);
    scraper.start();
    table.reconcile([{ name: "pod-0", address: "10.0.0.1:1" }]);
    scraper.watch(joined);
    clock.runUntil(100);
    expect(clients.map((client) => client.origin)).toEqual(["http://10.0.0.1:1"]);
  });

  test("is not troubled by pods that leave before it starts or after it stopped", async () => {
    const { scraper, clock, table, clients } = script(2);
    table.reconcile([{ name: "pod-0", address: "10.0.0.1:1" }]);
    scraper.start();
    clock.runUntil(1);
    await scraper.stop();
    table.reconcile([]);
    expect(clients.map((client) => client.destroyed)).toEqual([true]);
  });

  test("scrapes each second, waits one second and forgets after five by default", () => {
    const { scraper, clock, table, clients, outcomes } = script(1);
    scraper.start();
    clock.runUntil(0);
    clients[0]?.exchanges[0]?.answer(200, "vllm:num_requests_waiting 1\n");
    clock.runUntil(999);
    expect(clients[0]?.exchanges).toHaveLength(1);
    clock.runUntil(1000);
    expect(clients[0]?.exchanges).toHaveLength(2);
    clients[0]?.exchanges[1]?.connect();
    clock.runUntil(1999);
    expect(outcomes).toEqual(["pod-0 ok"]);
    clock.runUntil(2000);
    expect(outcomes).toEqual(["pod-0 ok", "pod-0 timeout"]);
    clock.runUntil(4999);
    expect(table.columns.waiting[0]).toBe(1);
    clock.runUntil(5000);
    expect(table.columns.waiting[0]).toBeNaN();
  });

  test("forgets no sooner than after two seconds, however short the interval, unless told to", () => {
    for (const [given, staleAtMs] of [
      [{ intervalMs: 50 }, 2000],
      [{ intervalMs: 50, stalenessMs: 300 }, 300],
    ] as const) {
      const { scraper, clock, table, clients } = script(1, given);
      scraper.start();
      clock.runUntil(0);
      clients[0]?.exchanges[0]?.answer(200, "vllm:num_requests_waiting 1\n");
      clock.runUntil(staleAtMs - 1);
      expect(table.columns.waiting[0]).toBe(1);
      clock.runUntil(staleAtMs);
      expect(table.columns.waiting[0]).toBeNaN();
    }
  });
});

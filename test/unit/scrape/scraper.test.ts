import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import type { Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { VirtualClock } from "../../../src/engine-model/clock.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { numberNames } from "../../../src/scrape/engines.ts";
import { inlineScrapes } from "../../../src/scrape/inline-scrapes.ts";
import type { ScrapeResult, WorkEvents } from "../../../src/scrape/scrape-work.ts";
import { type GivenScrapeOptions, Scraper, scrapeOptions } from "../../../src/scrape/scraper.ts";
import { killServer, PodPages } from "../../support/pod-pages.ts";
import { scrapeOne } from "../../support/scraped-pod.ts";
import { ScriptedClient } from "../../support/scripted-client.ts";

const recordedPage = readFileSync(join(import.meta.dirname, "../../fixtures/vllm/metrics-under-load.txt"));
const serveRecorded: RequestListener = (_, response) => response.end(recordedPage);
const silent = { overtaken() {}, models() {}, restarted() {}, workerFailed() {} };
const until = (condition: () => void | Promise<void>) => vi.waitFor(condition, { timeout: 8000, interval: 5 });

const pages = new PodPages();
afterEach(() => pages.close());

/** In this thread and in one of its own the same is to be seen. */
describe.each([
  ["in the thread it is called in", false],
  ["in a worker thread", true],
])("Scraper %s", (_, inThread) => {
  const scrape = (addresses: readonly string[], given?: GivenScrapeOptions) => pages.scrape(addresses, given, inThread);

  test("reads a recorded page again and again over one connection", async () => {
    const pod = await pages.http(serveRecorded);
    const { table, reports } = scrape([pod.address]);
    await until(() => expect(reports.length).toBeGreaterThanOrEqual(4));
    expect(new Set(reports.map(({ outcome, load }) => `${outcome} ${load}`))).toEqual(new Set(["ok 24"]));
    expect([table.columns.waiting[0], table.columns.running[0]]).toEqual([16, 8]);
    expect(table.columns.kvUsage[0]).toBeCloseTo(0.454, 3);
    expect(pod.connections()).toBe(1);
  });

  test("keeps facts and models, and tells a restart", async () => {
    let page = recordedPage.toString();
    const { body } = JSON.parse(readFileSync(join(import.meta.dirname, "../../fixtures/vllm/models.json"), "utf8")) as {
      body: string;
    };
    const pod = await pages.http((request, response) => response.end(request.url === "/metrics" ? page : body));
    const told = scrape([pod.address], { modelsPath: "/v1/models", modelsIntervalMs: 50 });
    await until(() => expect(told.models.size).toBe(1));
    const ids = told.models.get("pod-0")?.entries.map(({ id }) => id);
    expect([told.models.get("pod-0")?.kind, ids]).toEqual(["listed", ["tiny", "alpha", "beta"]]);
    await until(() => expect(told.scraper.facts(told.pod)?.engine).toBe("vllm"));
    expect(told.scraper.facts(told.pod)).toMatchObject({
      ...{ models: ["tiny"], blockTokens: 32, blocks: 512, startedAtSeconds: 1795248835.7 },
      ...{ promptTokens: 19248, generationTokens: 133, prefixQueries: 19248, prefixHits: 7168, ttftCount: 28 },
      lora: { running: new Set(["alpha", "beta"]), waiting: new Set(["alpha", "beta"]), max: 2 },
    });
    expect(told.restarts).toEqual([]);
    page = page.replace("process_start_time_seconds 1.7952488357e+09", "process_start_time_seconds 1.7952498357e+09");
    await until(() => expect(told.restarts).toEqual(["pod-0"]));
  });

  test("sees age on its own clock", async () => {
    const pod = await pages.http(serveRecorded);
    const { scraper, reports, pod: known } = scrape([pod.address]);
    expect(scraper.ageMs(known)).toBeNaN();
    await until(() => expect(reports.length).toBeGreaterThanOrEqual(1));
    expect(scraper.ageMs(known)).toBeGreaterThanOrEqual(0);
    expect(scraper.ageMs(known)).toBeLessThan(8000);
  });

  test("lets go of a pod that leaves in the middle of a request, and of its slot", async () => {
    const hanging = await pages.http(() => undefined);
    const good = await pages.http(serveRecorded);
    const closed = new Promise((resolve) => {
      hanging.server.on("connection", (socket) => socket.on("close", resolve));
    });
    const asked = new Promise((resolve) => hanging.server.on("request", resolve));
    const { table, scraper, reports, options, outcomesOf } = scrape([hanging.address], { timeoutMs: 60_000 });
    await asked;
    const { joined } = table.reconcile([{ name: "good", address: good.address }]);
    scraper.watch(joined, options);
    await closed;
    await until(() => expect(outcomesOf("good")[0]).toBe("ok"));
    expect(joined[0]?.slot).toBe(0);
    expect(table.columns.waiting[0]).toBe(16);
    expect(reports.every(({ name }) => name === "good")).toBe(true);
  });

  test("closes every connection when it stops, and reports no more", async () => {
    const good = await pages.http(serveRecorded);
    const hanging = await pages.http(() => undefined);
    const { scraper, reports, outcomesOf } = scrape([good.address, hanging.address], { timeoutMs: 60_000 });
    const open = (server: Server) => new Promise<number>((done) => server.getConnections((_, count) => done(count)));
    await until(() => expect(outcomesOf("pod-0").length).toBeGreaterThanOrEqual(1));
    await until(async () => expect(await open(hanging.server)).toBe(1));
    await scraper.stop();
    const reported = reports.length;
    await until(async () => expect([await open(good.server), await open(hanging.server)]).toEqual([0, 0]));
    expect(reports).toHaveLength(reported);
  });
});

describe("Scraper against a real server", () => {
  test("asks for the configured path, and for plain text", async () => {
    const asked: unknown[] = [];
    const { address } = await pages.http((request, response) => {
      asked.push([request.method, request.url, request.headers.accept, request.headers.authorization]);
      response.end(recordedPage);
    });
    pages.scrape([address], { path: "/other", bearerToken: "t" });
    await until(() => expect(asked[0]).toEqual(["GET", "/other", "text/plain;version=0.0.4", "Bearer t"]));
  });

  test("reads a page that arrives in drops", async () => {
    const { address } = await pages.http((_, response) => {
      let at = recordedPage.indexOf("# HELP vllm:num_requests_running");
      const drip = (): void => {
        if (at >= recordedPage.length) return void response.end();
        response.write(recordedPage.subarray(at, at + 1001), () => setImmediate(drip));
        at += 1001;
      };
      drip();
    });
    const { table, outcomesOf } = pages.scrape([address]);
    await until(() => expect(outcomesOf("pod-0")[0]).toBe("ok"));
    expect([table.columns.waiting[0], table.columns.running[0]]).toEqual([16, 8]);
  });

  test("asks a pod at another port of its host for the page alone", async () => {
    const [page, api] = [
      await pages.http(serveRecorded),
      await pages.http((_, response) => response.end('{"data":[]}')),
    ];
    const port = Number(page.address.split(":")[1]);
    const { models, outcomesOf } = pages.scrape([api.address], { port, modelsPath: "/v1/models" });
    await until(() => expect([outcomesOf("pod-0")[0], models.get("pod-0")?.kind]).toEqual(["ok", "listed"]));
  });

  test("goes on with the others when one fails, and asks that one again", async () => {
    const silent = await pages.http(() => undefined);
    const good = await pages.http(serveRecorded);
    const { outcomesOf } = pages.scrape([silent.address, good.address], { timeoutMs: 500 });
    await until(() => expect(outcomesOf("pod-1").length).toBeGreaterThanOrEqual(2));
    await until(() => expect(silent.connections()).toBe(2));
    expect(outcomesOf("pod-0")[0]).toBe("timeout");
  });

  test("finds a pod again that restarts on the same port", async () => {
    const pod = await pages.http(serveRecorded);
    const { table, outcomesOf } = pages.scrape([pod.address]);
    await until(() => expect(outcomesOf("pod-0").length).toBeGreaterThanOrEqual(2));
    await killServer(pod);
    await until(() => expect(outcomesOf("pod-0")).toContain("refused"));
    expect(table.reachable[0]).toBe(0);
    expect(table.columns.running[0]).toBeNaN();
    await pages.http(serveRecorded, Number(pod.address.split(":")[1]));
    await until(() => expect(outcomesOf("pod-0").at(-1)).toBe("ok"));
    expect(table.reachable[0]).toBe(1);
    expect(table.columns.running[0]).toBe(8);
  });

  test("takes a pod out that takes connections and answers nothing any more, until it answers again", async () => {
    let wedged = false;
    const pod = await pages.http((request, response) => wedged || serveRecorded(request, response));
    const good = await pages.http(serveRecorded);
    const options = { timeoutMs: 300, stalenessMs: 300 };
    const { table, outcomesOf } = pages.scrape([pod.address, good.address], options);
    await until(() => expect([outcomesOf("pod-0")[0], outcomesOf("pod-1")[0]]).toEqual(["ok", "ok"]));
    wedged = true;
    await until(() => expect([...table.reachable.subarray(0, 2)]).toEqual([0, 1]));
    expect(outcomesOf("pod-0").slice(-3)).toEqual(["timeout", "timeout", "timeout"]);
    expect(table.columns.running[0]).toBeNaN();
    wedged = false;
    await until(() => expect(table.reachable[0]).toBe(1));
    expect(outcomesOf("pod-0").at(-1)).toBe("ok");
  });

  test("sees a kept connection drop long before the next scrape is due", async () => {
    const pod = await pages.http(serveRecorded);
    const table = new PodTable();
    const { joined } = table.reconcile([{ name: "pod-0", address: pod.address }]);
    const outcomes: string[] = [];
    let skippedMs = 0;
    let wake = () => {};
    const after = (ms: number, run: () => void) => {
      wake = run;
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    };
    const scraper = new Scraper({
      table,
      events: { ...silent, scraped: (_, outcome) => outcomes.push(outcome) },
      now: () => performance.now() + skippedMs,
      random: () => 0.5,
      startWork: inlineScrapes({ after }),
    });
    scraper.watch(joined, scrapeOptions({ intervalMs: 3_600_000, timeoutMs: 5000, modelsPath: "" }));
    await until(() => expect(outcomes).toHaveLength(1));
    skippedMs = 3_600_000;
    wake();
    await until(() => expect(outcomes).toHaveLength(2));
    await killServer(pod);
    await until(() => expect(outcomes).toEqual(["ok", "ok", "refused"]));
    expect(table.reachable[0]).toBe(0);
    await scraper.stop();
  });
});

/** A scraper over many pods on virtual time. */
function script(count: number, given: GivenScrapeOptions = {}) {
  const clock = new VirtualClock();
  const table = new PodTable();
  const specs = Array.from({ length: count }, (_, i) => ({ name: `pod-${i}`, address: `10.0.0.1:${i + 1}` }));
  const { joined } = table.reconcile(specs);
  const clients: ScriptedClient[] = [];
  const after = (ms: number, run: () => void) => clock.schedule(ms, run);
  const connect = (origin: string) => {
    const client = new ScriptedClient(origin);
    clients.push(client);
    return client.asDispatcher();
  };
  const scraper = new Scraper({
    table,
    events: { ...silent, scraped() {} },
    now: () => clock.now(),
    random: () => 0.5,
    after,
    startWork: inlineScrapes({ after, connect }),
  });
  return { clock, table, scraper, joined, clients, options: scrapeOptions({ modelsPath: "", ...given }) };
}

describe("Scraper.watch", () => {
  test("spreads the first scrapes of pods that join together, 8 a millisecond", () => {
    const { scraper, clock, clients, joined, options } = script(20);
    scraper.watch(joined, options);
    const begun = [0, 1, 2, 3].map((ms) => {
      clock.runUntil(ms);
      return clients.length;
    });
    expect(begun).toEqual([8, 16, 20, 20]);
  });

  test("takes a pod once, and none that is gone already", () => {
    const { scraper, clock, table, joined, clients, options } = script(2);
    table.reconcile([{ name: "pod-0", address: "10.0.0.1:1" }]);
    scraper.watch(joined, options);
    scraper.watch(joined, options);
    clock.runUntil(100);
    expect(clients.map((client) => client.origin)).toEqual(["http://10.0.0.1:1"]);
  });

  test("takes none after it stopped, and is not troubled by one that leaves then", async () => {
    const { scraper, clock, table, joined, clients, options } = script(2);
    scraper.watch(joined.slice(0, 1), options);
    clock.runUntil(1);
    await scraper.stop();
    scraper.watch(joined, options);
    table.reconcile([]);
    clock.runUntil(5000);
    expect(clients.map((client) => client.destroyed)).toEqual([true]);
  });

  test("asks the pods of different pools in different ways", () => {
    const { scraper, clock, joined, clients, options } = script(2);
    scraper.watch(joined.slice(0, 1), options);
    scraper.watch(joined.slice(1), scrapeOptions({ intervalMs: 50, path: "/m", scheme: "https", modelsPath: "" }));
    clock.runUntil(0);
    for (const client of clients) client.exchanges[0]?.answer(200, "vllm:num_requests_waiting 1\n");
    clock.runUntil(60);
    expect(clients.map(({ origin, exchanges }) => [origin, exchanges[0]?.options.path, exchanges.length])).toEqual([
      ["http://10.0.0.1:1", "/metrics", 1],
      ["https://10.0.0.1:2", "/m", 2],
    ]);
  });
});

describe("Scraper forgets readings", () => {
  test("after three intervals, and no sooner than after two seconds, unless told otherwise", () => {
    for (const [given, staleAtMs] of [
      [{}, 3000],
      [{ intervalMs: 50 }, 2000],
      [{ intervalMs: 5000 }, 15_000],
      [{ intervalMs: 50, stalenessMs: 300 }, 300],
    ] as const) {
      const { scraper, clock, table, clients, joined, options } = script(1, { timeoutMs: 60_000, ...given });
      scraper.watch(joined, options);
      clock.runUntil(0);
      clients[0]?.exchanges[0]?.answer(200, "vllm:num_requests_waiting 1\n");
      clock.runUntil(staleAtMs - 1);
      expect(table.columns.waiting[0]).toBe(1);
      clock.runUntil(staleAtMs);
      expect(table.columns.waiting[0]).toBeNaN();
    }
  });

  test("pod by pod, the one that grows stale first also when it came last", () => {
    const { scraper, clock, table, clients, joined, options } = script(2);
    const answer = (i: number) => clients[i]?.exchanges[0]?.answer(200, "vllm:num_requests_waiting 1\n");
    scraper.watch(joined.slice(0, 1), options);
    clock.runUntil(0);
    answer(0);
    scraper.watch(joined.slice(1), scrapeOptions({ stalenessMs: 500, modelsPath: "" }));
    clock.runUntil(100);
    answer(1);
    clock.runUntil(600);
    expect(Array.from(table.columns.waiting.subarray(0, 2))).toEqual([1, Number.NaN]);
    clock.runUntil(3000);
    expect(table.columns.waiting[0]).toBeNaN();
  });

  test("also when whoever asks the pods says nothing any more", () => {
    const clock = new VirtualClock();
    const table = new PodTable();
    const { joined } = table.reconcile([{ name: "a", address: "10.0.0.1:1" }]);
    const told: { events?: WorkEvents } = {};
    const loads: number[] = [];
    const scraper = new Scraper({
      table,
      events: {
        ...silent,
        scraped: (_pod, _outcome, _s, load) => loads.push(load),
      },
      now: () => clock.now(),
      random: () => 0.5,
      after: (ms, run) => clock.schedule(ms, run),
      startWork: ({ events }) => {
        told.events = events;
        return { watch() {}, drop() {}, stop: async () => {} };
      },
    });
    scraper.watch(joined, scrapeOptions());
    const numbers = Float64Array.from(numberNames, (_, i) => i);
    const result: ScrapeResult = { outcome: "ok", seconds: 0.1, startedAtMs: -100, numbers };
    told.events?.scraped(1, result);
    clock.runUntil(2999);
    expect(table.columns.running[0]).toBe(1);
    clock.runUntil(3000);
    expect(table.columns.running[0]).toBeNaN();
    // What was held up on its way until it is stale is told, but not believed.
    told.events?.scraped(1, result);
    expect(table.columns.running[0]).toBeNaN();
    expect(loads).toEqual([1, Number.NaN]);
  });

  test("but not the facts", () => {
    const one = scrapeOne({ stalenessMs: 1000 });
    one.next().exchange.answer(200, 'vllm:num_requests_waiting 1\nvllm:cache_config_info{block_size="16"} 1\n');
    one.clock.runUntil(900);
    expect(one.scraper.ageMs(one.pod)).toBe(900);
    expect(one.scraper.facts(one.pod)).toMatchObject({ engine: "vllm", blockTokens: 16, blocks: Number.NaN });
    one.clock.runUntil(1400);
    expect(one.readings().waiting).toBeNaN();
    expect(one.scraper.facts(one.pod)?.blockTokens).toBe(16);
    expect(one.scraper.ageMs(one.pod)).toBe(1400);
  });

  test("and a page that lacks a fact takes none away", () => {
    const one = scrapeOne();
    one.next().exchange.answer(200, 'vllm:num_requests_waiting 1\nvllm:cache_config_info{block_size="16"} 1\n');
    one.next().exchange.answer(200, "vllm:num_requests_waiting 2\nvllm:prompt_tokens_total 5\n");
    expect(one.scraper.facts(one.pod)).toMatchObject({ blockTokens: 16, promptTokens: 5 });
  });
});

test("Scraper tells what was asked and what came of it, shortly, and nothing where all is well", () => {
  const { next, details } = scrapeOne();
  const url = "GET http://10.0.0.1:8000/metrics";
  next().exchange.answer(500, "");
  next().exchange.answer(200, "vllm:num_requests_waiting 1\n");
  next().exchange.answer(200, "vllm:num_requests_waiting 1\nvllm:num_requests_running 2\nvllm:kv_cache_usage_perc 0\n");
  next().exchange.fail("x".repeat(10_000));
  expect(details.slice(0, 3)).toEqual([`${url}: HTTP 500`, `${url}: nothing usable for running, kvUsage`, ""]);
  expect(details[3]).toHaveLength(300);
});

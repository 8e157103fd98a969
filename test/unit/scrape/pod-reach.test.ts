import { afterEach, describe, expect, test, vi } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { numberNames } from "../../../src/scrape/engines.ts";
import type { WorkEvents } from "../../../src/scrape/scrape-work.ts";
import { type GivenScrapeOptions, Scraper, scrapeOptions } from "../../../src/scrape/scraper.ts";
import { killServer, PodPages } from "../../support/pod-pages.ts";
import { scrapeOne } from "../../support/scraped-pod.ts";
import type { ScriptedExchange } from "../../support/scripted-client.ts";

const page = "vllm:num_requests_waiting 4\nvllm:num_requests_running 8\nvllm:kv_cache_usage_perc 0.5\n";
const list = '{"data":[{"id":"m"}]}';
const answer = (text: string) => (exchange: ScriptedExchange) => exchange.answer(200, text);
const refuse = (exchange: ScriptedExchange) => exchange.fail("ECONNREFUSED");
const nothing = () => undefined;

/** A pod whose page is at another port: plays each of the two for a while, as told. */
function sidecar(given: GivenScrapeOptions = {}) {
  const one = scrapeOne({ port: 9000, modelsPath: "/v1/models", modelsIntervalMs: 5000, ...given });
  const server = () => one.clients.filter(({ origin }) => origin.endsWith(":8000"));
  const play = (forMs: number, metrics: typeof refuse, own: typeof refuse) => {
    const endMs = one.clock.now() + forMs;
    while (one.clock.now() < endMs) {
      const { exchange } = one.next();
      if (exchange.options.path === "/metrics") metrics(exchange);
      else own(exchange);
    }
  };
  return { ...one, server, play };
}

describe("PodScrape, where the page is at another port than requests", () => {
  test.each([
    ["takes no connection", refuse],
    ["never answers", nothing],
  ])("keeps a pod whose metrics port %s, and knows no readings of it", (_, metrics) => {
    const { play, reachable, readings } = sidecar({ stalenessMs: 2000 });
    play(3000, answer(page), answer(list));
    expect(readings().waiting).toBe(4);
    play(20_000, metrics, answer(list));
    expect([reachable(), readings().waiting]).toEqual([1, Number.NaN]);
  });

  test("marks a pod that takes no requests, however well its page reads", () => {
    const { play, reachable, readings } = sidecar();
    play(6000, answer(page), answer(list));
    play(6000, answer(page), refuse);
    expect([reachable(), readings().waiting]).toEqual([0, 4]);
  });

  test("sees such a pod again as soon as it would with one port", () => {
    const { play, clock, reachable } = sidecar();
    play(20_000, answer(page), refuse);
    expect(reachable()).toBe(0);
    const backAtMs = clock.now();
    while (reachable() === 0) play(1, answer(page), answer(list));
    expect(clock.now() - backAtMs).toBeLessThanOrEqual(4000);
  });

  test("asks at once when the connection that requests' port keeps is dropped", () => {
    const { play, clock, server, next } = sidecar();
    play(11_000, answer(page), answer(list));
    expect(server()).toHaveLength(1);
    const fromMs = clock.now();
    server()[0]?.emit("disconnect");
    const { exchange } = next();
    expect([exchange.options.path, clock.now()]).toEqual(["/v1/models", fromMs]);
  });

  test("knocks every second where no models are asked for, and asks nothing", () => {
    const { play, server, reachable, models } = sidecar({ modelsPath: "" });
    play(5000, answer(page), answer(""));
    expect(reachable()).toBe(1);
    expect(server().flatMap(({ exchanges }) => exchanges).length).toBeGreaterThanOrEqual(5);
    play(2000, answer(page), refuse);
    expect(reachable()).toBe(0);
    play(5000, answer(page), answer(""));
    expect(reachable()).toBe(1);
    expect(models).toEqual([{ kind: "untold", entries: [] }]);
  });

  test("knocks at no door where the page is at the pod's own port", () => {
    const { play, clients } = sidecar({ modelsPath: "", port: 0 });
    play(5000, answer(page), nothing);
    expect(clients.flatMap(({ exchanges }) => exchanges).every(({ options }) => options.path === "/metrics")).toBe(
      true,
    );
  });
});

describe("Scraper", () => {
  test.each([
    ["believes the silence of a page at the pod's own port", 0, 0],
    ["takes the silence of a page at another port for that port's", 9000, 1],
  ])("%s", (_, port, reachable) => {
    const table = new PodTable();
    const { joined } = table.reconcile(["a", "b", "c"].map((name) => ({ name, address: `${name}:8000` })));
    const told: { events?: WorkEvents } = {};
    const scraper = new Scraper({
      table,
      events: { scraped() {}, overtaken() {}, models() {}, restarted() {}, workerFailed() {} },
      now: () => 0,
      random: () => 0.5,
      startWork: ({ events }) => {
        told.events = events;
        return { watch() {}, drop() {}, stop: async () => {} };
      },
    });
    scraper.watch(joined, scrapeOptions({ port }));
    const numbers = new Float64Array(numberNames.length);
    for (let i = 0; i < 9; i++) told.events?.scraped(1, { outcome: "timeout", seconds: 1, startedAtMs: i, numbers });
    expect(table.reachable[joined[0]!.slot]).toBe(reachable);
  });
});

describe("Knock", () => {
  const pages = new PodPages();
  afterEach(() => pages.close());

  test("sees a real port come and go, without a request", async () => {
    let requests = 0;
    const own = await pages.http(() => requests++);
    const metrics = await pages.http((_, response) => response.end(page));
    const port = Number(metrics.address.split(":")[1]);
    const { table } = pages.scrape([own.address], { port });
    const until = (condition: () => void) => vi.waitFor(condition, { timeout: 8000, interval: 5 });
    await until(() => expect(own.connections()).toBeGreaterThanOrEqual(1));
    expect(table.reachable[0]).toBe(1);
    await killServer(own);
    await until(() => expect(table.reachable[0]).toBe(0));
    await pages.http(() => requests++, Number(own.address.split(":")[1]));
    await until(() => expect(table.reachable[0]).toBe(1));
    expect(requests).toBe(0);
  }, 20_000);
});

import { expect, test } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { numberNames } from "../../../src/scrape/engines.ts";
import type { PodAddress, WorkEvents } from "../../../src/scrape/scrape-work.ts";
import { type ScrapeOptions, Scraper, scrapeOptions } from "../../../src/scrape/scraper.ts";

/** A scraper over one pod whose work only notes its orders. */
function watched(options: ScrapeOptions) {
  const table = new PodTable();
  const orders: string[] = [];
  const told: { events?: WorkEvents } = {};
  let nowMs = 0;
  const timers: { atMs: number; run: () => void }[] = [];
  const scraper = new Scraper({
    table,
    events: { scraped() {}, models() {}, restarted() {}, overtaken() {}, workerFailed() {} },
    now: () => nowMs,
    random: () => 0.5,
    after: (ms, run) => {
      const timer = { atMs: nowMs + ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer) >>> 0, 1);
    },
    startWork: ({ events }) => {
      told.events = events;
      return {
        watch: (pods: readonly PodAddress[], { path }) => orders.push(...pods.map(({ id }) => `watch ${id} ${path}`)),
        drop: (id) => orders.push(`drop ${id}`),
        stop: async () => {},
      };
    },
  });
  const { joined } = table.reconcile([{ name: "a", address: "10.0.0.1:1" }]);
  scraper.watch(joined, options);
  const page = () => {
    const numbers = Float64Array.from(numberNames, () => 7);
    told.events?.scraped(1, { outcome: "ok", seconds: 0, startedAtMs: nowMs, numbers });
  };
  const runUntil = (ms: number) => {
    nowMs = ms;
    for (const timer of [...timers]) if (timer.atMs <= ms && timers.includes(timer)) timer.run();
  };
  return { table, scraper, joined, orders, page, runUntil };
}

test("Scraper.rewatch has a pod asked in another way, and keeps what is known of it", () => {
  const { table, scraper, joined, orders, page } = watched(scrapeOptions({ path: "/old" }));
  page();
  scraper.rewatch(joined, scrapeOptions({ path: "/new" }));
  expect(orders).toEqual(["watch 1 /old", "drop 1", "watch 1 /new"]);
  expect(table.columns.waiting[0]).toBe(7);
  page();
  expect(scraper.ageMs(joined[0]!)).toBe(0);
});

test("Scraper.rewatch passes over pods that are asked so already, and those it does not know", () => {
  const { scraper, joined, orders } = watched(scrapeOptions({ path: "/old" }));
  const { joined: strangers } = new PodTable().reconcile([{ name: "b", address: "10.0.0.2:1" }]);
  scraper.rewatch([...joined, ...strangers], scrapeOptions({ path: "/old" }));
  expect(orders).toEqual(["watch 1 /old"]);
});

test("Scraper.rewatch lets readings grow old by the new interval", () => {
  const { table, scraper, joined, page, runUntil } = watched(scrapeOptions({ intervalMs: 10_000 }));
  scraper.rewatch(joined, scrapeOptions({ intervalMs: 1000 }));
  page();
  runUntil(3000);
  expect(table.columns.waiting[0]).toBeNaN();
});

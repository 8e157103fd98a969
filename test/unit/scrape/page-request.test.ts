import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { scrapeOne } from "../../support/scraped-pod.ts";

const busyPage = "vllm:num_requests_waiting 4\nvllm:num_requests_running 8\nvllm:kv_cache_usage_perc 0.5\n";
const busy = { waiting: 4, running: 8, kvUsage: 0.5 };
const unknown = { waiting: Number.NaN, running: Number.NaN, kvUsage: Number.NaN };

describe("PageRequest unpacks", () => {
  test("no faster than it can, and goes on when it has", async () => {
    const one = scrapeOne({ pageLimitBytes: 10_000_000 });
    const { exchange } = one.next();
    const noise = randomBytes(1_000_000).toString("base64");
    const packed = gzipSync(`# ${noise}\n${busyPage}`);
    exchange.connect();
    exchange.head(200, { "content-encoding": "gzip" });
    exchange.data(packed.subarray(0, 500_000));
    expect(exchange.paused).toBe(true);
    await expect.poll(() => exchange.paused, { timeout: 8000 }).toBe(false);
    exchange.data(packed.subarray(500_000));
    exchange.end();
    await expect.poll(() => one.outcomes(), { timeout: 8000 }).toEqual(["ok"]);
    expect(one.readings()).toEqual(busy);
  });

  test.each([
    ["what is cut", gzipSync(busyPage).subarray(0, 40), "truncated"],
    ["nothing at all", Buffer.alloc(0), "truncated"],
    ["what is no gzip", Buffer.from("plain text"), "unreadable"],
    ["too much", gzipSync(Buffer.alloc(1_000_000)), "too_large"],
  ])("no further than it goes: %s", async (_, packed, outcome) => {
    const one = scrapeOne();
    const { exchange } = one.next();
    exchange.connect();
    exchange.head(200, { "content-encoding": "gzip" });
    exchange.data(packed);
    exchange.end();
    await expect.poll(() => one.outcomes(), { timeout: 8000 }).toEqual([outcome]);
    expect(one.readings()).toEqual(unknown);
  });
});

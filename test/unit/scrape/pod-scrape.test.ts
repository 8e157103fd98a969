import { describe, expect, test } from "vitest";
import { scrapeOne } from "../../support/scraped-pod.ts";
import type { ScriptedExchange } from "../../support/scripted-client.ts";

const busyPage =
  "vllm:num_requests_waiting 4\nvllm:num_requests_running 8\nvllm:kv_cache_usage_perc 0.5\nprocess_cpu_seconds 1\n";
const busy = { waiting: 4, running: 8, kvUsage: 0.5 };
const unknown = { waiting: Number.NaN, running: Number.NaN, kvUsage: Number.NaN };

describe("PodScrape asks", () => {
  test("at once, for the metrics page of the pod's address", () => {
    const { next, clients } = scrapeOne({ scheme: "https", path: "/m" });
    const { afterMs, exchange } = next();
    expect(afterMs).toBe(0);
    expect(exchange.options).toMatchObject({ method: "GET", path: "/m" });
    expect(clients.map((client) => client.origin)).toEqual(["https://10.0.0.1:8000"]);
  });

  test.each([
    [0, 900],
    [0.5, 1000],
    [1, 1100],
  ])("again after an interval with jitter: chance %d gives %d ms", (value, expected) => {
    const { next, chance } = scrapeOne();
    chance.value = value;
    next().exchange.answer(200, busyPage);
    expect(next().afterMs).toBe(expected);
  });

  test("over the same client as long as it answers", () => {
    const { next, clients } = scrapeOne();
    for (let i = 0; i < 3; i++) next().exchange.answer(200, busyPage);
    expect(clients).toHaveLength(1);
  });

  test("only once at a time, however long the answer takes", () => {
    const { next, clock, exchanges } = scrapeOne({ intervalMs: 50, timeoutMs: 10_000 });
    next();
    clock.runUntil(9_999);
    expect(exchanges()).toHaveLength(1);
  });

  test("a slow pod after as long a rest as it took", () => {
    const { next, clock } = scrapeOne({ timeoutMs: 5000 });
    const { exchange } = next();
    clock.runUntil(3000);
    exchange.answer(200, busyPage);
    expect(next().afterMs).toBe(3000);
  });

  test("a failing pod after 1, 2, 4 and 4 intervals, and after one again once it answers", () => {
    const { next } = scrapeOne();
    const waits: number[] = [];
    let { exchange } = next();
    for (let i = 0; i < 4; i++) {
      exchange.fail("ECONNREFUSED");
      const step = next();
      waits.push(step.afterMs);
      exchange = step.exchange;
    }
    expect(waits).toEqual([1000, 2000, 4000, 4000]);
    exchange.answer(200, busyPage);
    expect(next().afterMs).toBe(1000);
  });
});

/** The answer has begun well, then the connection ends. */
function breakOff(exchange: ScriptedExchange, code: string): void {
  exchange.connect();
  exchange.head(200);
  exchange.data(busyPage.slice(0, 60));
  exchange.fail(code);
}

function answerPacked(exchange: ScriptedExchange, coding: string, body: string | Buffer): void {
  exchange.connect();
  exchange.head(200, { "content-encoding": coding });
  exchange.data(body);
  exchange.end();
}

describe("PodScrape writes", () => {
  test("the page's readings and reports them with their time", () => {
    const { next, clock, readings, reports, pod } = scrapeOne();
    const { exchange } = next();
    exchange.answer(200, busyPage);
    expect(readings()).toEqual(busy);
    const second = next();
    clock.runUntil(clock.now() + 20);
    second.exchange.answer(200, busyPage);
    expect(reports).toEqual([
      [pod, "ok", 0, 12, 0],
      [pod, "ok", 0.02, 12, 1000],
    ]);
  });

  test("NaN for a reading that the page lacks, and reports the load as unknown", () => {
    const { next, readings, reports } = scrapeOne();
    next().exchange.answer(200, busyPage);
    next().exchange.answer(200, "vllm:num_requests_waiting 1\n");
    expect(readings()).toEqual({ ...unknown, waiting: 1 });
    expect(reports.at(-1)).toEqual([expect.anything(), "partial", 0, Number.NaN, 1000]);
  });

  test("nothing for a pod that has left, and tells nothing of it", () => {
    const { next, table, readings, reports, models, clients } = scrapeOne();
    const { exchange } = next();
    table.reconcile([{ name: "b", address: "10.0.0.2:8000" }]);
    exchange.answer(200, busyPage);
    expect(readings()).toEqual(unknown);
    expect(reports).toEqual([]);
    expect(models).toHaveLength(1);
    expect(clients[0]?.destroyed).toBe(true);
  });

  test("readings after an interim answer", () => {
    const { next, readings } = scrapeOne();
    const { exchange } = next();
    exchange.head(103);
    exchange.answer(200, busyPage);
    expect(readings()).toEqual(busy);
  });
});

describe("PodScrape on an unreachable pod", () => {
  test("takes a connection lost after an interim answer for one lost before the answer", () => {
    const { next, outcomes } = scrapeOne();
    const { exchange } = next();
    exchange.connect();
    exchange.head(103);
    exchange.fail("ECONNRESET");
    expect(outcomes()).toEqual(["refused"]);
  });

  test.each([
    "ECONNREFUSED",
    "ECONNRESET",
    "ECONNABORTED",
    "EPIPE",
    "EHOSTUNREACH",
    "EHOSTDOWN",
    "ENETUNREACH",
    "ETIMEDOUT",
    "UND_ERR_SOCKET",
    "UND_ERR_CONNECT_TIMEOUT",
  ])("marks it and forgets its readings at once: %s", (code) => {
    const { next, readings, reachable, reports } = scrapeOne();
    // A fault that says nothing of the pod, so that the connection refused after it is a new one.
    next().exchange.answer(200, busyPage);
    next().exchange.fail("EMFILE");
    expect(readings()).toEqual(busy);
    next().exchange.fail(code);
    expect(readings()).toEqual(unknown);
    expect(reachable()).toBe(0);
    expect(reports.at(-1)).toEqual([expect.anything(), "refused", 0, Number.NaN, 2000]);
  });

  test.each([
    [200, busyPage],
    [200, "no metrics here"],
    [503, "loading"],
  ])("marks it reachable as soon as it answers %d", (status, text) => {
    const { next, reachable } = scrapeOne();
    next().exchange.fail("ECONNREFUSED");
    next().exchange.answer(status, text);
    expect(reachable()).toBe(1);
  });

  test("does not blame the pod for a fault of our own, nor praise it", () => {
    const { next, reachable, outcomes } = scrapeOne();
    next().exchange.fail("EMFILE");
    expect(reachable()).toBe(1);
    next().exchange.fail("ECONNREFUSED");
    next().exchange.fail("EMFILE");
    expect(reachable()).toBe(0);
    expect(outcomes()).toEqual(["fault", "refused", "fault"]);
  });

  test("takes two connects in a row without an answer as a refusal, and one as a lost packet", () => {
    const { next, clock, reachable, outcomes, reports } = scrapeOne();
    next();
    clock.runUntil(500);
    expect(outcomes()).toEqual(["timeout"]);
    expect(reachable()).toBe(1);
    const { afterMs } = next();
    expect(afterMs).toBe(500);
    clock.runUntil(1500);
    expect(reports.at(-1)).toEqual([expect.anything(), "refused", 0.5, Number.NaN, 1000]);
    expect(reachable()).toBe(0);
  });

  test("counts connects without an answer afresh after an answer", () => {
    const { next, clock, outcomes } = scrapeOne();
    next();
    clock.runUntil(500);
    next().exchange.answer(200, busyPage);
    next();
    clock.runUntil(clock.now() + 500);
    expect(outcomes()).toEqual(["timeout", "ok", "timeout"]);
  });
});

describe("PodScrape on a pod that fails to answer", () => {
  test("gives the request up at its deadline, with its connection, and keeps the pod reachable", () => {
    const { next, clock, clients, outcomes, reachable } = scrapeOne();
    for (const end of [500, 1500, 3500]) {
      const { exchange } = next();
      exchange.connect();
      exchange.head(200);
      clock.runUntil(end - 1);
      exchange.data("vllm:");
      clock.runUntil(end);
    }
    expect(outcomes()).toEqual(["timeout", "timeout", "timeout"]);
    expect(clients.map((client) => client.destroyed)).toEqual([true, true, true]);
    expect(reachable()).toBe(1);
  });

  test("ignores an answer that comes after the deadline", () => {
    const { next, clock, readings, outcomes } = scrapeOne();
    const { exchange } = next();
    clock.runUntil(500);
    exchange.answer(200, busyPage);
    exchange.fail("ECONNREFUSED");
    expect(outcomes()).toEqual(["timeout"]);
    expect(readings()).toEqual(unknown);
  });

  test.each([
    ["a page cut in the middle", (exchange: ScriptedExchange) => breakOff(exchange, "UND_ERR_SOCKET"), "truncated"],
    [
      "a page shorter than it said",
      (exchange: ScriptedExchange) => breakOff(exchange, "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"),
      "truncated",
    ],
    ["a missing token", (exchange: ScriptedExchange) => exchange.answer(401, ""), "denied"],
    ["a way elsewhere", (exchange: ScriptedExchange) => exchange.answer(302, ""), "redirect"],
    ["a certificate nobody knows", (exchange: ScriptedExchange) => exchange.fail("SELF_SIGNED_CERT_IN_CHAIN"), "tls"],
    ["an odd coding", (exchange: ScriptedExchange) => answerPacked(exchange, "br", "x"), "unreadable"],
    ["a status in error", (exchange: ScriptedExchange) => exchange.answer(500, busyPage), "status"],
    ["a page without readings", (exchange: ScriptedExchange) => exchange.answer(200, "<html>"), "unreadable"],
    ["no HTTP", (exchange: ScriptedExchange) => exchange.fail("HPE_INVALID_CONSTANT"), "unreadable"],
  ])("keeps the readings until they are stale: %s", (_, play, outcome) => {
    const { next, clock, readings, outcomes, reachable } = scrapeOne();
    next().exchange.answer(200, busyPage);
    while (clock.now() < 4000) play(next().exchange);
    clock.runUntil(4999);
    expect(readings()).toEqual(busy);
    clock.runUntil(5000);
    expect(readings()).toEqual(unknown);
    expect(new Set(outcomes())).toEqual(new Set(["ok", outcome]));
    expect(reachable()).toBe(1);
  });

  test("forgets stale readings also while a request hangs, and asks on", () => {
    const { next, clock, readings } = scrapeOne({ timeoutMs: 20_000 });
    next().exchange.answer(200, busyPage);
    const { exchange } = next();
    clock.runUntil(4999);
    expect(readings()).toEqual(busy);
    clock.runUntil(5000);
    expect(readings()).toEqual(unknown);
    exchange.answer(200, busyPage);
    expect(readings()).toEqual(busy);
  });

  test("drops a page beyond the limit and the connection with it", () => {
    const { next, outcomes, readings } = scrapeOne({ pageLimitBytes: 200 });
    const { exchange } = next();
    exchange.connect();
    exchange.head(200);
    exchange.data(busyPage);
    expect(exchange.aborted).toBe(false);
    exchange.data(busyPage);
    expect(exchange.aborted).toBe(true);
    exchange.data(busyPage);
    exchange.end();
    exchange.fail("UND_ERR_ABORTED");
    expect(outcomes()).toEqual(["too_large"]);
    expect(readings()).toEqual(unknown);
  });

  test("does not even begin to read a page that says it is too large", () => {
    const { next, outcomes } = scrapeOne();
    const { exchange } = next();
    exchange.connect();
    exchange.head(200, { "content-length": "1001" });
    expect(exchange.aborted).toBe(true);
    expect(outcomes()).toEqual(["too_large"]);
  });

  test("leaves off reading a long text beside an error", () => {
    const { next, outcomes } = scrapeOne();
    const { exchange } = next();
    exchange.connect();
    exchange.head(500, { "content-length": "9999999" });
    exchange.data("x".repeat(65_536));
    expect(exchange.aborted).toBe(false);
    exchange.data("x");
    expect(exchange.aborted).toBe(true);
    expect(outcomes()).toEqual(["status"]);
  });

  test("reads a page of exactly the limit", () => {
    const { next, outcomes } = scrapeOne({ pageLimitBytes: busyPage.length });
    next().exchange.answer(200, busyPage);
    expect(outcomes()).toEqual(["ok"]);
  });

  test("does not read a half page into the next one", () => {
    const { next, readings } = scrapeOne();
    const { exchange } = next();
    exchange.connect();
    exchange.head(200);
    exchange.data("vllm:num_requests_running 8\nvllm:num_requests_waiting 4");
    exchange.fail("HPE_INVALID_CHUNK_SIZE");
    next().exchange.answer(200, "2\nvllm:kv_cache_usage_perc 0.5\n");
    expect(readings()).toEqual({ ...unknown, kvUsage: 0.5 });
  });
});

describe("PodScrape on a connection that closes", () => {
  test("asks again at once over a new one before it believes a reset of a used one", () => {
    const { next, outcomes, reachable } = scrapeOne();
    next().exchange.answer(200, busyPage);
    next().exchange.fail("UND_ERR_SOCKET");
    expect(outcomes()).toEqual(["ok"]);
    const retry = next();
    expect(retry.afterMs).toBe(0);
    retry.exchange.fail("ECONNREFUSED");
    expect(outcomes()).toEqual(["ok", "refused"]);
    expect(reachable()).toBe(0);
  });

  test("asks at once when a kept connection closes while idle", () => {
    const { next, clock, clients } = scrapeOne();
    for (let i = 0; i < 2; i++) next().exchange.answer(200, busyPage);
    clock.runUntil(1300);
    clients[0]?.emit("disconnect");
    expect(next().afterMs).toBe(0);
  });

  test("keeps its pace with a server that closes after every answer", () => {
    const { next, clients } = scrapeOne();
    for (let i = 0; i < 3; i++) {
      const { afterMs, exchange } = next();
      expect(afterMs).toBe(i === 0 ? 0 : 1000);
      exchange.answer(200, busyPage);
      clients[0]?.emit("disconnect");
    }
  });

  test("leaves a request in flight to its own end", () => {
    const { next, clock, clients, exchanges } = scrapeOne();
    for (let i = 0; i < 2; i++) next().exchange.answer(200, busyPage);
    next();
    clients[0]?.emit("disconnect");
    clock.runUntil(clock.now() + 100);
    expect(exchanges()).toHaveLength(3);
  });

  test("takes no notice of a client it has given up", () => {
    const { next, clock, clients } = scrapeOne();
    next();
    clock.runUntil(500);
    for (let i = 0; i < 2; i++) next().exchange.answer(200, busyPage);
    clients[0]?.emit("disconnect");
    expect(next().afterMs).toBe(1000);
  });
});

describe("Scraper.stop", () => {
  test("ends the wait for the next scrape and closes the connection", async () => {
    const { next, scraper, clock, clients, exchanges } = scrapeOne();
    next().exchange.answer(200, busyPage);
    await scraper.stop();
    expect(clients[0]?.destroyed).toBe(true);
    clock.runUntil(60_000);
    expect(exchanges()).toHaveLength(1);
  });

  test("forgets a request in flight", async () => {
    const { next, scraper, clock, clients, reports, exchanges } = scrapeOne();
    const { exchange } = next();
    await scraper.stop();
    exchange.fail("UND_ERR_DESTROYED");
    clients[0]?.emit("disconnect");
    clock.runUntil(60_000);
    expect(reports).toEqual([]);
    expect(exchanges()).toHaveLength(1);
  });

  test("does so before the first scrape", async () => {
    const { scraper, clock, clients } = scrapeOne();
    await scraper.stop();
    clock.runUntil(60_000);
    expect(clients).toEqual([]);
  });

  test.each([
    ["an answer", (exchange: ScriptedExchange) => exchange.answer(200, busyPage)],
    ["the deadline", () => undefined],
  ])("holds when called by who is told of %s", async (_, play) => {
    const { next, scraper, told, clock, exchanges, outcomes } = scrapeOne();
    let stopped: Promise<void> | undefined;
    told.react = () => {
      stopped = scraper.stop();
    };
    play(next().exchange);
    clock.runUntil(60_000);
    await stopped;
    expect(exchanges()).toHaveLength(1);
    expect(outcomes()).toHaveLength(1);
  });
});

describe("PodScrape sends", () => {
  test("the token with both requests", () => {
    const one = scrapeOne({ modelsPath: "/v1/models", bearerToken: " secret\n" });
    one.next().exchange.answer(200, busyPage);
    one.next();
    const sent = one.exchanges().map(({ options }) => (options.headers as Record<string, string>)["authorization"]);
    expect(sent).toEqual(["Bearer secret", "Bearer secret"]);
  });

  test("nothing without a token that it cannot read, which is a fault of ours", () => {
    const one = scrapeOne({ tokenFile: "/nonexistent/token" });
    one.clock.runUntil(0);
    expect(one.exchanges()).toEqual([]);
    expect(one.outcomes()).toEqual(["fault"]);
    expect(one.reachable()).toBe(1);
  });
});

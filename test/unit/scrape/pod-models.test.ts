import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ModelList } from "../../../src/pods/served-models.ts";
import { ModelsBody } from "../../../src/scrape/models-body.ts";
import { PodModels } from "../../../src/scrape/pod-models.ts";
import { scrapeOne } from "../../support/scraped-pod.ts";
import type { ScriptedExchange } from "../../support/scripted-client.ts";

const { body } = JSON.parse(readFileSync(join(import.meta.dirname, "../../fixtures/vllm/models.json"), "utf8")) as {
  body: string;
};

function entriesOf(...pieces: string[]) {
  const list = new ModelsBody();
  list.reset();
  for (const piece of pieces) list.write(Buffer.from(piece));
  return list.entries();
}

describe("ModelsBody", () => {
  test("reads a recorded list, cut anywhere, with everything it says", () => {
    const { data } = JSON.parse(body) as { data: unknown };
    expect(entriesOf(body)).toEqual(data);
    expect(entriesOf(body.slice(0, 100), body.slice(100))).toEqual(data);
  });

  test("leaves out what has no id, and keeps the rest as it came", () => {
    const text = JSON.stringify({
      data: [{ id: "a", x: { y: [1] } }, { id: "" }, { id: 7 }, {}, null, "b", { id: "c" }],
    });
    expect(entriesOf(text)).toEqual([{ id: "a", x: { y: [1] } }, { id: "c" }]);
  });

  test("leaves out an id longer than 512 bytes", () => {
    const data = [{ id: "x".repeat(513) }, { id: "é".repeat(257) }, { id: "x".repeat(512) }];
    expect(entriesOf(JSON.stringify({ data }))).toEqual(data.slice(2));
  });

  test("takes a thousand entries and no more", () => {
    const data = Array.from({ length: 1500 }, (_, i) => ({ id: `m${i}` }));
    expect(entriesOf(JSON.stringify({ data }))).toEqual(data.slice(0, 1000));
  });

  test.each(["", "null", "[]", "{}", '{"data":{}}', "<html>", '{"data":[{"id":"a"}'])(
    "knows %j for no list",
    (text) => {
      expect(entriesOf(text)).toBeUndefined();
    },
  );

  test("begins afresh with every answer", () => {
    const list = new ModelsBody();
    list.write(Buffer.from('{"data":['));
    list.reset();
    list.write(Buffer.from('{"data":[]}'));
    expect(list.entries()).toEqual([]);
  });
});

function podModels() {
  const told: ModelList[] = [];
  const models = new PodModels((list) => told.push(list));
  return { models, told };
}

const traits = { engine: "vllm", models: ["base"], lora: undefined, adapters: [] };
const atWork = (...running: string[]) => ({ running, waiting: [], max: 4 });

describe("PodModels", () => {
  test("says nothing before the pod has answered", () => {
    const { models, told } = podModels();
    models.labelled(traits);
    expect(told).toEqual([]);
  });

  test("passes a list on as it came", () => {
    const { models, told } = podModels();
    models.answered([{ id: "base", root: "/models/base" }]);
    models.labelled(traits);
    expect(told).toEqual([{ kind: "listed", entries: [{ id: "base", root: "/models/base" }] }]);
  });

  test("adds adapters at work to a list that lacks them, for as long as they are", () => {
    const { models, told } = podModels();
    models.answered([{ id: "base" }, { id: "listed" }]);
    models.labelled({
      ...traits,
      lora: { ...atWork("listed", "new"), waiting: ["next"] },
      adapters: ["listed", "new", "next"],
    });
    models.labelled({ ...traits, lora: atWork("listed"), adapters: ["listed", "new", "next"] });
    const ids = told.map(({ entries }) => entries.map(({ id }) => id));
    expect(ids).toEqual([
      ["base", "listed"],
      ["base", "listed", "new", "next"],
      ["base", "listed"],
    ]);
  });

  test("names what the labels name where there is no list", () => {
    const { models, told } = podModels();
    models.answered("untold");
    models.labelled({ ...traits, lora: atWork("a"), adapters: ["a", "b", "base"] });
    models.labelled({ ...traits, lora: undefined, adapters: ["a", "b", "base"] });
    expect(told).toEqual([
      { kind: "untold", entries: [] },
      {
        kind: "untold",
        entries: [{ id: "base" }, { id: "a", parent: "base" }, { id: "b", parent: "base" }],
      },
    ]);
  });

  test("leaves out names that no request may ask for", () => {
    const { models, told } = podModels();
    models.labelled({ ...traits, models: ["base", "x".repeat(513), "é".repeat(256)] });
    models.answered("untold");
    expect(told[0]?.entries.map(({ id }) => id.length)).toEqual([4, 256]);
  });

  test("keeps the list it has where the pod denies us a new one, and knows a pod that never showed one for untold", () => {
    const { models, told } = podModels();
    models.answered([{ id: "a" }]);
    models.denied();
    expect(told).toHaveLength(1);
    const other = podModels();
    other.models.denied();
    other.models.denied();
    expect(other.told).toEqual([{ kind: "untold", entries: [] }]);
  });

  test("goes by the labels once nobody waits for an answer any more, and calls a pod without a page silent", () => {
    const { models, told } = podModels();
    models.givenUp();
    models.labelled(traits);
    models.answered([{ id: "base" }, { id: "b" }]);
    models.givenUp();
    expect(told).toEqual([
      { kind: "silent", entries: [] },
      { kind: "untold", entries: [{ id: "base" }] },
      { kind: "listed", entries: [{ id: "base" }, { id: "b" }] },
    ]);
  });

  test("tells changes only, and a new time of the answer is none", () => {
    const { models, told } = podModels();
    for (const created of [1, 2]) models.answered([{ id: "a", created }]);
    models.answered([{ id: "a" }, { id: "b" }]);
    models.answered("untold");
    models.answered("untold");
    expect(told.map(({ kind, entries }) => `${kind} ${entries.length}`)).toEqual(["listed 1", "listed 2", "untold 0"]);
  });
});

const busyPage = "vllm:num_requests_waiting 4\nvllm:num_requests_running 8\nvllm:kv_cache_usage_perc 0.5\n";

/** The answer has begun well, then the connection ends. */
function breakOff(exchange: ScriptedExchange): void {
  exchange.connect();
  exchange.head(200);
  exchange.data('{"data":[');
  exchange.fail("UND_ERR_SOCKET");
}

type Play = (exchange: ScriptedExchange) => void;

const noList = { data: "there is none" };

describe("PodScrape asks for models", () => {
  const asking = { modelsPath: "/v1/models" };
  const list = (...ids: string[]) => JSON.stringify({ data: ids.map((id) => ({ id, owned_by: "me" })) });

  /** Answers the metrics page that comes first, and returns the request for models. */
  function first(one: ReturnType<typeof scrapeOne>): ScriptedExchange {
    one.next().exchange.answer(200, busyPage);
    return one.next().exchange;
  }

  test("after the first page, over the same connection, and again every five seconds", () => {
    const one = scrapeOne({ ...asking, intervalMs: 60_000, stalenessMs: 180_000 });
    const exchange = first(one);
    expect(exchange.options).toMatchObject({
      method: "GET",
      path: "/v1/models",
      headers: { accept: "application/json" },
    });
    exchange.answer(200, list("a"));
    expect(one.models).toEqual([{ kind: "listed", entries: [{ id: "a", owned_by: "me" }] }]);
    const again = one.next();
    expect(again.afterMs).toBe(5000);
    again.exchange.answer(200, list("a", "b"));
    expect(one.models).toHaveLength(2);
    expect(one.clients).toHaveLength(1);
  });

  test("only while no page is being asked for", () => {
    const one = scrapeOne({ ...asking, timeoutMs: 5000 });
    const { exchange } = one.next();
    one.clock.runUntil(4000);
    expect(one.exchanges()).toHaveLength(1);
    exchange.answer(200, busyPage);
    expect(one.next().exchange.options.path).toBe("/v1/models");
    one.clock.runUntil(7999);
    expect(one.exchanges()).toHaveLength(2);
  });

  test.each([
    ["401", 401, ""],
    ["403", 403, ""],
    ["404", 404, '{"detail":"Not Found"}'],
    ["405", 405, ""],
    ["501", 501, ""],
    ["a way elsewhere", 307, ""],
    ["something else", 200, JSON.stringify(noList)],
    ["HTML", 200, "<html>"],
  ])("and takes %s for a pod that does not tell", (_, status, text) => {
    const one = scrapeOne(asking);
    one.next().exchange.answer(200, `${busyPage}vllm:num_requests_running{model_name="m"} 8\n`);
    one.next().exchange.answer(status, text);
    expect(one.models).toEqual([{ kind: "untold", entries: [{ id: "m" }] }]);
  });

  test("and takes a list larger than a mebibyte for none", () => {
    const one = scrapeOne(asking);
    const exchange = first(one);
    exchange.connect();
    exchange.head(200);
    exchange.data(Buffer.alloc(1024 * 1024 + 1, " "));
    expect(exchange.aborted).toBe(true);
    expect(one.models).toEqual([{ kind: "untold", entries: [] }]);
  });

  test.each([
    ["500", (exchange: ScriptedExchange) => exchange.answer(500, "")],
    ["503", (exchange: ScriptedExchange) => exchange.answer(503, "")],
    ["429", (exchange: ScriptedExchange) => exchange.answer(429, "")],
    ["401", (exchange: ScriptedExchange) => exchange.answer(401, "")],
    ["403", (exchange: ScriptedExchange) => exchange.answer(403, "")],
    ["a refusal", (exchange: ScriptedExchange) => exchange.fail("ECONNREFUSED")],
    ["a list cut short", (exchange: ScriptedExchange) => breakOff(exchange)],
    ["silence", () => undefined],
  ])("and learns nothing from %s", (_, play) => {
    const one = scrapeOne(asking);
    first(one).answer(200, list("a"));
    while (one.clock.now() < 20_000) {
      const { exchange } = one.next();
      if (exchange.options.path === "/metrics") exchange.answer(200, busyPage);
      else {
        play(exchange);
        one.clock.runUntil(one.clock.now() + 500);
      }
    }
    expect(one.models).toHaveLength(1);
    expect(new Set(one.outcomes())).toEqual(new Set(["ok"]));
    expect(one.reachable()).toBe(1);
  });

  /** Plays the pod up to a time. */
  function play(one: ReturnType<typeof scrapeOne>, untilMs: number, page: Play, models: Play): void {
    while (one.clock.now() < untilMs) {
      const { exchange } = one.next();
      const answer = exchange.options.path === "/metrics" ? page : models;
      answer(exchange);
      // Whatever begins meanwhile would go unanswered.
      if (answer === silence) one.clock.runUntil(one.clock.now() + 500);
    }
  }
  const namingPage: Play = (exchange) =>
    exchange.answer(200, `${busyPage}vllm:num_requests_running{model_name="m"} 8\n`);
  const silence: Play = (exchange) => exchange.connect();

  test.each<[string, Play]>([
    ["503", (exchange) => exchange.answer(503, "")],
    ["silence", silence],
  ])("and after ten seconds of %s takes the labels for what the pod tells, until it does", (_, models) => {
    const one = scrapeOne(asking);
    play(one, 9_000, namingPage, models);
    expect(one.models).toEqual([]);
    play(one, 13_000, namingPage, models);
    expect(one.models).toEqual([{ kind: "untold", entries: [{ id: "m" }] }]);
    play(one, 60_000, namingPage, (exchange) => exchange.answer(200, list("m", "n")));
    expect(one.models.slice(1).map(({ kind, entries }) => [kind, entries.length])).toEqual([["listed", 2]]);
  });

  test("and waits no longer than for two looks where these are close together", () => {
    const one = scrapeOne({ ...asking, modelsIntervalMs: 1000 });
    play(one, 4_000, namingPage, silence);
    expect(one.models).toHaveLength(1);
  });

  test("and calls a pod silent that answers nothing at all", () => {
    const one = scrapeOne(asking);
    play(one, 20_000, silence, silence);
    expect(one.models).toEqual([{ kind: "silent", entries: [] }]);
  });

  test("and gives a pod that cannot be reached all its time once it can", () => {
    const one = scrapeOne(asking);
    const refusal: Play = (exchange) => exchange.fail("ECONNREFUSED");
    play(one, 30_000, refusal, refusal);
    const fromMs = one.clock.now();
    play(one, fromMs + 9_000, namingPage, silence);
    expect(one.models).toEqual([]);
    play(one, fromMs + 16_000, namingPage, silence);
    expect(one.models).toHaveLength(1);
  });

  test("and asks how the pod is as soon as it takes no connection", () => {
    const one = scrapeOne({ ...asking, intervalMs: 60_000, stalenessMs: 180_000 });
    first(one).answer(200, list("a"));
    const retried = one.next().exchange;
    retried.fail("ECONNREFUSED");
    one.next().exchange.fail("ECONNREFUSED");
    const { afterMs, exchange } = one.next();
    expect([afterMs, exchange.options.path]).toEqual([0, "/metrics"]);
    exchange.fail("ECONNREFUSED");
    expect(one.outcomes()).toEqual(["ok", "refused"]);
  });

  test("never where there is no path, and says at once that the pod does not tell", () => {
    const one = scrapeOne();
    expect(one.models).toEqual([{ kind: "untold", entries: [] }]);
    one.next().exchange.answer(200, `${busyPage}vllm:num_requests_running{model_name="m"} 8\n`);
    expect(one.models.at(-1)).toEqual({ kind: "untold", entries: [{ id: "m" }] });
    expect(one.next().exchange.options.path).toBe("/metrics");
  });

  test("at the pod's own port where the page is at another", () => {
    const one = scrapeOne({ ...asking, port: 8002 });
    first(one).answer(200, list("a"));
    expect(one.clients.map(({ origin }) => origin)).toEqual(["http://10.0.0.1:8002", "http://10.0.0.1:8000"]);
    expect(one.models).toHaveLength(1);
  });
});

import { describe, expect, test } from "vitest";
import type { ModelList } from "../../../src/pods/served-models.ts";
import { type Batch, BatchReader, RESULT_NUMBERS } from "../../../src/scrape/batch.ts";
import { numberNames } from "../../../src/scrape/engines.ts";
import { Outbox } from "../../../src/scrape/outbox.ts";
import { type ScrapeOutcome, scrapeOutcomes } from "../../../src/scrape/scrape-outcome.ts";
import type { WorkEvents } from "../../../src/scrape/scrape-work.ts";

function outbox() {
  const posted: Batch[] = [];
  const due: { readonly ms: number; readonly run: () => void }[] = [];
  const box = new Outbox(
    (batch) => posted.push(structuredClone(batch)),
    (ms, run) => due.push({ ms, run }),
  );
  const flush = () => due.shift()?.run();
  /** Until nothing waits any more; gives how many batches it took. */
  const deliver = () => {
    const before = posted.length;
    while (due.length > 0) {
      flush();
      box.acknowledged();
    }
    return posted.length - before;
  };
  return { box, posted, due, flush, deliver };
}

const result = (outcome: ScrapeOutcome = "ok", startedAtMs = 1234.5) => ({
  outcome,
  seconds: 0.25,
  startedAtMs,
  numbers: Float64Array.from(numberNames, (_, i) => (i === 2 ? Number.NaN : i)),
});

/** What a reader is told of these batches. */
function readAll(batches: readonly Batch[]) {
  const told: unknown[] = [];
  const events: WorkEvents = {
    scraped: (id, one) => told.push([id, { ...one, numbers: one.numbers.slice() }]),
    reached: (id, is) => told.push([id, is]),
    overtaken: (outcome, count) => told.push([outcome, count]),
    traits: (id, traits) => told.push([id, traits]),
    models: (id, list) => told.push([id, list]),
    detail: (id, text) => told.push([id, text]),
    failed: (problem) => told.push(problem),
  };
  const reader = new BatchReader(events);
  for (const batch of batches) reader.read(batch);
  return told;
}

const largeList = (count: number, name = "m", length = 250): ModelList => ({
  kind: "listed",
  entries: Array.from({ length: count }, (_, i) => ({ id: `${name}${i}`, text: "x".repeat(length) })),
});
const textIn = ({ parts, news }: Batch) =>
  parts.reduce((sum, { entries }) => sum + entries.length, 0) + JSON.stringify(news).length;

describe("Outbox", () => {
  test("carries every outcome over as it is", () => {
    const { box, posted, flush } = outbox();
    for (const [id, outcome] of scrapeOutcomes.entries()) box.scraped(id, result(outcome));
    flush();
    expect(readAll(posted)).toEqual(scrapeOutcomes.map((outcome, id) => [id, result(outcome)]));
  });

  test("tells traits, details and whether a pod is reached before results, without the adapters only its side needs", () => {
    const { box, posted, flush } = outbox();
    const lora = { running: ["a"], waiting: [], max: Number.NaN };
    box.scraped(7, result());
    box.reached(7, false);
    box.traits(7, { engine: "vllm", models: ["m"], lora, adapters: ["a", "b"] });
    box.detail(7, "HTTP 500");
    flush();
    expect(readAll(posted)).toEqual([
      [7, { engine: "vllm", models: ["m"], lora, adapters: [] }],
      [7, "HTTP 500"],
      [7, false],
      [7, result()],
    ]);
  });

  test("posts nothing before the batch before is read, and then what has gathered", () => {
    const { box, posted, due, flush } = outbox();
    for (let id = 0; id < 3; id++) box.scraped(id, result());
    expect(due).toHaveLength(1);
    flush();
    box.scraped(3, result());
    expect(due).toHaveLength(0);
    box.acknowledged();
    flush();
    expect(posted).toHaveLength(2);
    box.acknowledged();
    expect(due).toHaveLength(0);
    expect(readAll(posted).map((one) => (one as [number])[0])).toEqual([0, 1, 2, 3]);
  });

  test("posts no more than 64 results at once, and the rest soon after", () => {
    const { box, posted, due, flush } = outbox();
    for (let id = 0; id < 150; id++) box.scraped(id, result());
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      waits.push(due[0]?.ms ?? Number.NaN);
      flush();
      box.acknowledged();
    }
    expect(posted.map(({ results }) => results.length / RESULT_NUMBERS)).toEqual([64, 64, 22]);
    expect(waits).toEqual([10, 2, 10]);
    expect(readAll(posted)).toHaveLength(150);
  });
});

describe("Outbox, where the reader falls behind", () => {
  test("keeps a pod's newest result, and counts those it overtook", () => {
    const { box, posted, deliver } = outbox();
    for (let i = 0; i < 100; i++) for (let id = 0; id < 5; id++) box.scraped(id, result(i % 2 ? "ok" : "partial", i));
    expect(deliver()).toBe(1);
    const told = readAll(posted);
    expect(told.slice(0, 2)).toEqual([
      ["ok", 245],
      ["partial", 250],
    ]);
    expect(told.slice(2)).toEqual([0, 1, 2, 3, 4].map((id) => [id, result("ok", 99)]));
  });

  test("keeps the last page beside what failed after it, and neither before a newer page", () => {
    const { box, posted, deliver } = outbox();
    box.scraped(1, result("ok", 1));
    box.scraped(1, result("timeout", 2));
    box.scraped(1, result("refused", 3));
    deliver();
    expect(readAll(posted)).toEqual([
      ["timeout", 1],
      [1, result("ok", 1)],
      [1, result("refused", 3)],
    ]);
    for (const [i, outcome] of (["ok", "refused", "partial"] as const).entries()) box.scraped(1, result(outcome, i));
    deliver();
    expect(readAll(posted).slice(-3)).toEqual([
      ["ok", 1],
      ["refused", 1],
      [1, result("partial", 2)],
    ]);
  });

  test("keeps a pod's newest news of each kind", () => {
    const { box, posted, deliver } = outbox();
    for (let i = 0; i < 1000; i++) {
      box.reached(1, i % 2 === 1);
      box.detail(1, `${i}`);
      box.models(1, { kind: "listed", entries: [{ id: `m${i}` }] });
    }
    expect(deliver()).toBe(1);
    expect(posted[0]?.parts).toHaveLength(1);
    expect(readAll(posted)).toEqual([
      [1, "999"],
      [1, { kind: "listed", entries: [{ id: "m999" }] }],
      [1, true],
    ]);
  });

  test("says nothing of a pod that was dropped, but how its scrapes ended", () => {
    const { box, posted, deliver } = outbox();
    for (const id of [1, 2]) {
      box.scraped(id, result());
      box.reached(id, true);
      box.models(id, largeList(2, `of ${id} `));
    }
    box.drop(1);
    deliver();
    expect(readAll(posted)).toEqual([
      [2, largeList(2, "of 2 ")],
      [2, true],
      ["ok", 1],
      [2, result()],
    ]);
  });
});

describe("Outbox takes over models", () => {
  test.each([
    ["short", largeList(3)],
    ["long", largeList(1000, "m", 400)],
    ["empty", largeList(0)],
  ])("of a %s list in parts that are quickly read", (_, list) => {
    const { box, posted, deliver } = outbox();
    box.models(5, list);
    deliver();
    expect(Math.max(...posted.map(textIn))).toBeLessThan(35_000);
    expect(readAll(posted)).toEqual([[5, list]]);
  });

  test("of two hundred pods with the same list once, whatever their answers' times", () => {
    const { box, posted, deliver } = outbox();
    const list = (created: number): ModelList => {
      const { kind, entries } = largeList(1000);
      return { kind, entries: entries.map((entry) => ({ ...entry, created, permission: [{ id: `p${created}` }] })) };
    };
    for (let id = 0; id < 200; id++) box.models(id, list(id));
    expect(deliver()).toBeLessThan(40);
    expect(posted.flatMap(({ parts }) => parts).length).toBeLessThan(15);
    const told = readAll(posted) as [number, ModelList][];
    expect(told.map(([id]) => id)).toEqual(Array.from({ length: 200 }, (_, id) => id));
    // One array for all of them: the picking thread's memory holds it once, too.
    expect(new Set(told.map(([, { entries }]) => entries)).size).toBe(1);
    expect(told[0]?.[1]).toEqual(list(0));
  });

  test("while what is new of the other pods passes by", () => {
    const { box, posted, flush } = outbox();
    box.models(1, largeList(1000));
    box.traits(1, { engine: "vllm", models: [], lora: undefined, adapters: [] });
    box.models(2, largeList(1, "small"));
    box.detail(3, "HTTP 500");
    flush();
    expect(readAll(posted)).toEqual([
      [1, expect.objectContaining({ engine: "vllm" })],
      [3, "HTTP 500"],
    ]);
  });

  test("again where the last pod of a list has left meanwhile", () => {
    const { box, posted, deliver } = outbox();
    const [one, other] = [largeList(300), largeList(300, "n")];
    for (const list of [one, other, one]) {
      box.models(1, list);
      deliver();
    }
    expect(readAll(posted)).toEqual([
      [1, one],
      [1, other],
      [1, one],
    ]);
    expect(posted.flatMap(({ forgotten }) => forgotten)).toEqual([1, 2]);
  });

  test("without the rest of a list that nobody names any more", () => {
    const { box, posted, flush, deliver } = outbox();
    box.models(1, largeList(1000));
    flush();
    box.models(1, largeList(1, "n"));
    box.acknowledged();
    deliver();
    expect(posted.flatMap(({ parts }) => parts.map(({ list }) => list))).toEqual([1, 2]);
    expect(posted.flatMap(({ forgotten }) => forgotten)).toEqual([1]);
    expect(readAll(posted)).toEqual([[1, largeList(1, "n")]]);
  });

  test("with no more of an entry than its id where it is larger than a part", () => {
    const { box, posted, deliver } = outbox();
    const entries = [
      { id: "a", text: "x".repeat(40_000) },
      { id: "b", n: 1 },
    ];
    box.models(5, { kind: "listed", entries });
    deliver();
    expect(readAll(posted)).toEqual([[5, { kind: "listed", entries: [{ id: "a" }, { id: "b", n: 1 }] }]]);
  });
});

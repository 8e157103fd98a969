import { describe, expect, test } from "vitest";
import type { ModelEntry, ModelList } from "../../../src/pods/served-models.ts";
import { numberNames } from "../../../src/scrape/engines.ts";
import { type Batch, Outbox, readBatch } from "../../../src/scrape/outbox.ts";
import { type ScrapeOutcome, scrapeOutcomes } from "../../../src/scrape/scrape-outcome.ts";
import type { WorkEvents } from "../../../src/scrape/scrape-work.ts";

function outbox() {
  const posted: Batch[] = [];
  const due: (() => void)[] = [];
  const box = new Outbox(
    (batch) => posted.push(structuredClone(batch)),
    (_ms, run) => due.push(run),
  );
  return { box, posted, due, flush: () => due.shift()?.() };
}

const result = (outcome: ScrapeOutcome = "ok") => ({
  outcome,
  answered: outcome !== "timeout",
  seconds: 0.25,
  startedAtMs: 1234.5,
  numbers: Float64Array.from(numberNames, (_, i) => (i === 2 ? Number.NaN : i)),
});

/** What a reader is told of these batches. */
function readAll(batches: readonly Batch[]) {
  const told: unknown[] = [];
  const events: WorkEvents = {
    scraped: (id, one) => told.push([id, { ...one, numbers: one.numbers.slice() }]),
    traits: (id, traits) => told.push([id, traits]),
    models: (id, list) => told.push([id, list]),
    failed: (problem) => told.push(problem),
  };
  const pending = new Map<number, ModelEntry[]>();
  for (const batch of batches) readBatch(batch, pending, events);
  return told;
}

describe("Outbox", () => {
  test("carries every outcome over as it is", () => {
    const { box, posted, flush } = outbox();
    for (const [id, outcome] of scrapeOutcomes.entries()) box.scraped(id, result(outcome));
    flush();
    expect(readAll(posted)).toEqual(scrapeOutcomes.map((outcome, id) => [id, result(outcome)]));
  });

  test("tells traits before results, and without the adapters only its own side needs", () => {
    const { box, posted, flush } = outbox();
    const lora = { running: ["a"], waiting: [], max: Number.NaN };
    box.scraped(7, result());
    box.traits(7, { engine: "vllm", models: ["m"], lora, adapters: ["a", "b"] });
    flush();
    expect(readAll(posted)).toEqual([
      [7, { engine: "vllm", models: ["m"], lora, adapters: [] }],
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

  test("posts no more than 64 results at once", () => {
    const { box, posted, flush } = outbox();
    for (let id = 0; id < 150; id++) box.scraped(id, result());
    for (let i = 0; i < 3; i++) {
      flush();
      box.acknowledged();
    }
    const stride = (posted[0]?.results.length ?? 0) / 64;
    expect(posted.map(({ results }) => results.length / stride)).toEqual([64, 64, 22]);
    expect(readAll(posted)).toHaveLength(150);
  });

  test.each([
    ["short", 3, 10],
    ["long", 1000, 400],
    ["empty", 0, 0],
  ])("takes a %s list of models over in parts that are quickly read", (_, count, length) => {
    const { box, posted, due, flush } = outbox();
    const entries = Array.from({ length: count }, (_x, i) => ({ id: `m${i}`, text: "x".repeat(length) }));
    const list: ModelList = { kind: "listed", entries };
    box.models(5, list);
    while (due.length > 0) {
      flush();
      box.acknowledged();
    }
    const sizes = posted.map(({ news }) =>
      news.reduce((sum, one) => sum + ("entries" in one ? one.entries.length : 0), 0),
    );
    expect(Math.max(...sizes)).toBeLessThan(17_000);
    expect(readAll(posted)).toEqual([[5, list]]);
  });

  test("takes no more of an entry than its id where it is larger than a part", () => {
    const { box, posted, flush } = outbox();
    box.models(5, {
      kind: "listed",
      entries: [
        { id: "a", text: "x".repeat(20_000) },
        { id: "b", n: 1 },
      ],
    });
    flush();
    expect(readAll(posted)).toEqual([[5, { kind: "listed", entries: [{ id: "a" }, { id: "b", n: 1 }] }]]);
  });
});

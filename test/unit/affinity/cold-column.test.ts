import { expect, test } from "vitest";
import { ColdColumn } from "../../../src/affinity/cold-column.ts";
import { PodTable, type Slot } from "../../../src/pods/pod-table.ts";
import { bodylessRequest, type InferenceRequest } from "../../../src/request/inference-request.ts";
import { parseBody } from "../../../src/request/parse-body.ts";

const specs = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `p${i}`, address: `p:${i}` }));

function requestWithPrompt(): InferenceRequest {
  const read = parseBody("completions", Buffer.from(JSON.stringify({ model: "m", prompt: "hello" })), false);
  if ("code" in read) throw new Error(read.code);
  return read;
}
const prompted = requestWithPrompt();

function setUp(count: number) {
  const table = new PodTable();
  table.reconcile(specs(count));
  const column = new ColdColumn(table);
  /** The ranks of these slots; `hits` is what each holds of the prompt. */
  const ranks = (
    slots: readonly number[],
    hits: readonly number[] = slots.map(() => 0),
    request = prompted,
  ): number[] => {
    const out = new Float64Array(slots.length);
    column.fill(request, Int32Array.from(slots), slots.length, out, { prefixHit: Float64Array.from(hits) });
    return [...out];
  };
  return { table, ranks, learn: (slot: number) => column.learn(slot as Slot), keep: () => column.keep() };
}

test("pods come in their order at first, then the one whose last cold prompt is longest ago", () => {
  const { ranks, learn } = setUp(4);
  expect(ranks([0, 1, 2, 3])).toEqual([0, 1, 2, 3]);
  learn(0);
  expect(ranks([0, 1, 2, 3])).toEqual([3, 0, 1, 2]);
  learn(2);
  expect(ranks([0, 1, 2, 3])).toEqual([2, 0, 3, 1]);
  learn(0);
  // 0 was used after 2 by now.
  expect(ranks([0, 1, 2, 3])).toEqual([3, 0, 2, 1]);
});

test("the turn of a cold prompt is kept for the pod that is told later, and that of no other prompt", () => {
  const { ranks, keep } = setUp(3);
  ranks([0, 1, 2]);
  const lesson = keep();
  ranks([0, 1, 2], [0, 0.5, 0]);
  expect(keep()).toBeUndefined();
  lesson?.(0 as Slot, 1);
  expect(ranks([0, 1, 2])).toEqual([2, 0, 1]);
});

test("ranks are among the candidates alone", () => {
  const { ranks, learn } = setUp(4);
  for (const slot of [3, 1, 0]) {
    ranks([0, 1, 2, 3]);
    learn(slot);
  }
  expect(ranks([1, 3])).toEqual([1, 0]);
});

test("a prompt that somebody has is nobody's turn, and its pick changes no turn", () => {
  const { ranks, learn } = setUp(3);
  expect(ranks([0, 1, 2], [0, 0.5, 0])).toEqual([0, 0, 0]);
  learn(1);
  expect(ranks([0, 1, 2])).toEqual([0, 1, 2]);
});

test("a request without a prompt is nobody's turn either, and its pick changes no turn", () => {
  const { ranks, learn } = setUp(3);
  expect(ranks([0, 1, 2], [0, 0, 0], bodylessRequest)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  learn(0);
  expect(ranks([0, 1, 2])).toEqual([0, 1, 2]);
});

test("a pod that leaves is forgotten: the next tenant of its slot had no turn yet", () => {
  const { table, ranks, learn } = setUp(2);
  for (const slot of [0, 1]) {
    ranks([0, 1]);
    learn(slot);
  }
  expect(ranks([0, 1])).toEqual([0, 1]);
  table.reconcile([{ name: "p0", address: "p:0" }]);
  table.reconcile([
    { name: "p0", address: "p:0" },
    { name: "new", address: "p:9" },
  ]);
  expect(ranks([0, 1])).toEqual([1, 0]);
});

test("many pods have turns of their own", () => {
  const { ranks, learn } = setUp(100);
  const slots = Array.from({ length: 100 }, (_, i) => i);
  for (const slot of slots) {
    expect(ranks(slots).indexOf(0)).toBe(slot);
    learn(slot);
  }
});

import { expect, test } from "vitest";
import { pickBest, pickLeast, pickNextBest, pickOfTop } from "../../../src/routing/pick.ts";
import { seededRandom } from "../../../src/routing/seeded-random.ts";

test("pickBest takes the highest score", () => {
  expect(pickBest(Float64Array.of(1, 7, 3), 3, Math.random)).toBe(1);
});

test("pickLeast takes the smallest value", () => {
  expect(pickLeast(Float64Array.of(2, 1, 3), 3, Math.random)).toBe(1);
});

test("pickBest looks at the first `size` rows only", () => {
  expect(pickBest(Float64Array.of(1, 2, 99), 2, Math.random)).toBe(1);
});

test.each([
  ["pickBest", pickBest, [5, 1, 5, 5]],
  ["pickLeast", pickLeast, [0, 4, 0, 0]],
] as const)("%s breaks ties evenly", (_, pick, values) => {
  const random = seededRandom(42);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[pick(Float64Array.from(values), 4, random)]!++;
  expect(counts[1]).toBe(0);
  for (const row of [0, 2, 3]) expect(Math.abs(counts[row]! - 10_000)).toBeLessThan(400);
});

test.each([
  ["infinite", [Infinity, 1, Infinity, 3], 1, [0, 2]],
  ["infinite, and fewer than are wanted", [Infinity, 1, Infinity, 3], 3, [0, 2, 3]],
  ["infinitely low", [-Infinity, -Infinity, 1], 2, [0, 1, 2]],
  ["no numbers", [Number.NaN, Number.NaN], 1, [0, 1]],
  ["no numbers beside some that are", [Number.NaN, 5, Number.NaN, 4], 2, [1, 3]],
])("pickOfTop ends where scores are %s, with a row of the top", (_, scores, count, rows) => {
  const picks = Array.from({ length: 200 }, () =>
    pickOfTop(Float64Array.from(scores), scores.length, count, Math.random),
  );
  expect([...new Set(picks)].sort()).toEqual(rows);
});

test("pickNextBest takes the best of the rows that are left, and -1 where none is", () => {
  const scores = Float64Array.of(5, 7, 7, 3, 99);
  const seen = new Set(Array.from({ length: 50 }, () => pickNextBest(scores, 4, Int32Array.of(0), 1, Math.random)));
  expect([...seen].sort()).toEqual([1, 2]);
  expect(pickNextBest(scores, 4, Int32Array.of(1, 2, 9), 2, Math.random)).toBe(0);
  expect(pickNextBest(scores, 4, Int32Array.of(0, 1, 2, 3), 4, Math.random)).toBe(-1);
});

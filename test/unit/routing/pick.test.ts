import { expect, test } from "vitest";
import { pickBest, pickLeast } from "../../../src/routing/pick.ts";
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

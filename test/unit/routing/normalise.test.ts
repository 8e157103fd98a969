import { expect, test } from "vitest";
import { complement, lowerIsBetter, share } from "../../../src/routing/normalise.ts";

const run = (kernel: typeof share, values: number[]): number[] => {
  const scores = new Float64Array(values.length);
  kernel(Float64Array.from(values), values.length, scores);
  return [...scores];
};

test.each([
  ["spreads from 1 for the least to 0 for the most", [0, 5, 10], [1, 0.5, 0]],
  ["gives everybody 1 when all are equal", [3, 3], [1, 1]],
  ["gives a single pod 1", [7], [1]],
  ["gives an unknown reading the mean of the known", [0, 10, Number.NaN], [1, 0, 0.5]],
  ["gives an unknown reading 1 when the known are all equal", [4, Number.NaN, 4], [1, 1, 1]],
  ["gives 0.5 where nothing is known", [Number.NaN, Number.NaN], [0.5, 0.5]],
])("lowerIsBetter %s", (_, values, expected) => {
  expect(run(lowerIsBetter, values)).toEqual(expected);
});

test.each([
  ["is 1 - the share", [0, 0.25, 1], [1, 0.75, 0]],
  ["clamps what is outside 0..1", [-1, 2], [1, 0]],
  ["gives an unknown reading the mean of the known", [0, 1, Number.NaN], [1, 0, 0.5]],
])("complement %s", (_, values, expected) => {
  expect(run(complement, values)).toEqual(expected);
});

test("share is the value itself, clamped", () => {
  expect(run(share, [0.2, 1.5, -3])).toEqual([0.2, 1, 0]);
});

import { expect, test } from "vitest";
import { minMax } from "../../../../src/routing/strategies/min-max.ts";

const { NaN: unknown, POSITIVE_INFINITY: infinite } = Number;

test.each([
  ["spreads by where a number stands", [1, 50, 10], "least", [1, 0, 40 / 49]],
  ["turns round where more is better", [1, 50, 10], "most", [0, 1, 9 / 49]],
  ["gives all of a kind 1", [7, 7, 7], "least", [1, 1, 1]],
  ["gives one 1", [0], "most", [1]],
  ["gives what is unknown or infinite 0, and looks past it", [unknown, 2, infinite, 4], "least", [0, 1, 0, 0]],
  ["gives the only known one 1", [unknown, 9], "least", [0, 1]],
  ["gives 0 where nothing is known", [unknown, unknown], "most", [0, 0]],
] as const)("minMax %s", (_, raw, best, expected) => {
  const scores = Float64Array.from(raw);
  minMax(scores, raw.length, best);
  expect([...scores]).toEqual(expected.map((each) => expect.closeTo(each, 12)));
});

test("minMax leaves what stands behind the rows", () => {
  const scores = Float64Array.of(1, 2, 99);
  minMax(scores, 2, "most");
  expect([...scores]).toEqual([0, 1, 99]);
});

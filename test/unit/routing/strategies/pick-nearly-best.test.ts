import { expect, test } from "vitest";
import { seededRandom } from "../../../../src/routing/seeded-random.ts";
import { pickNearlyBest } from "../../../../src/routing/strategies/pick-nearly-best.ts";

function shares(scores: readonly number[]): number[] {
  const random = seededRandom(3);
  const counts = scores.map(() => 0);
  for (let i = 0; i < 3000; i++) {
    const row = pickNearlyBest(Float64Array.from([...scores, 9]), scores.length, random);
    counts[row] = (counts[row] ?? 0) + 1 / 3000;
  }
  return counts.map((count) => Math.round(count * 10) / 10);
}

test.each([
  ["takes the best row", [0.1, 0.9, 0.5], [0, 1, 0]],
  ["draws among equals evenly", [0.5, 0.2, 0.5], [0.5, 0, 0.5]],
  ["takes a difference below a billionth for rounding", [0.5, 0.5 + 5e-10], [0.5, 0.5]],
  ["takes a larger one for a difference", [0.5, 0.5 + 5e-9], [0, 1]],
  ["draws among all where all have nothing", [0, 0], [0.5, 0.5]],
])("pickNearlyBest %s", (_, scores, expected) => {
  expect(shares(scores)).toEqual(expected);
});

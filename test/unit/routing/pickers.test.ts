import { describe, expect, test } from "vitest";
import type { OptionValues } from "../../../src/routing/option-values.ts";
import { builtInPickers } from "../../../src/routing/pickers.ts";
import { buildPicker } from "../../../src/routing/profile.ts";
import { seededRandom } from "../../../src/routing/seeded-random.ts";

const DRAWS = 40_000;

/** Share of the draws that each row got. */
function shares(name: string, scores: readonly number[], options: OptionValues = {}): number[] {
  const picker = builtInPickers.find((each) => each.name === name);
  if (picker === undefined) throw new Error(`no picker ${name}`);
  const pick = buildPicker({ picker, options });
  const random = seededRandom(7);
  // A score beyond the size must never be looked at.
  const totals = Float64Array.of(...scores, 99);
  const counts = scores.map(() => 0);
  for (let i = 0; i < DRAWS; i++) {
    const row = pick(totals, scores.length, random);
    counts[row] = (counts[row] ?? Number.NaN) + 1;
  }
  return counts.map((count) => count / DRAWS);
}

const third = 1 / 3;

describe.each<[picker: string, options: OptionValues, scores: number[], expected: number[]]>([
  ["best", {}, [1, 3, 3, 0], [0, 0.5, 0.5, 0]],
  ["best", {}, [0], [1]],
  ["weighted-random", {}, [1, 2, 0, 5], [0.125, 0.25, 0, 0.625]],
  ["weighted-random", {}, [0, 0], [0.5, 0.5]],
  ["weighted-random", {}, [1e-9, 3e-9], [0.25, 0.75]],
  ["weighted-random", {}, [4], [1]],
  // Of three pairs the best row wins two, the middle one wins one.
  ["best-of-two", {}, [1, 3, 2], [0, 2 * third, third]],
  ["best-of-two", {}, [2, 2], [0.5, 0.5]],
  ["best-of-two", {}, [5], [1]],
  ["top-k", { k: 2 }, [1, 4, 3, 2], [0, 0.5, 0.5, 0]],
  // One is above, two are equal at the border and share the second place.
  ["top-k", { k: 2 }, [4, 1, 1, 0], [0.5, 0.25, 0.25, 0]],
  ["top-k", { k: 3 }, [2, 2, 2, 2], [0.25, 0.25, 0.25, 0.25]],
  ["top-k", { k: 9 }, [3, 1], [0.5, 0.5]],
  ["top-k", {}, [4, 3, 2, 1], [third, third, third, 0]],
  ["random", {}, [9, 0, 1], [third, third, third]],
])("%s %j", (picker, options, scores, expected) => {
  test(`shares ${scores} as ${expected.map((share) => share.toFixed(3))}`, () => {
    for (const [row, share] of shares(picker, scores, options).entries()) {
      const wanted = expected[row] ?? Number.NaN;
      // Five standard deviations; what may never happen does not.
      const slack = 5 * Math.sqrt((wanted * (1 - wanted)) / DRAWS);
      expect(Math.abs(share - wanted)).toBeLessThanOrEqual(slack);
    }
  });
});

test("every picker draws the same from the same seed", () => {
  const scores = Float64Array.of(1, 2, 2, 0.5);
  for (const picker of builtInPickers) {
    const pick = buildPicker({ picker });
    const draw = () => {
      const random = seededRandom(3);
      return Array.from({ length: 30 }, () => pick(scores, 4, random));
    };
    expect(draw()).toEqual(draw());
  }
});

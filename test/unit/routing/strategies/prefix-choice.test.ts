import { describe, expect, test } from "vitest";
import { bodylessRequest } from "../../../../src/request/inference-request.ts";
import { prefixChoice } from "../../../../src/routing/strategies/prefix-choice.ts";

interface Fleet {
  readonly hit: readonly number[];
  readonly load: readonly number[];
  readonly imbalance?: number;
  readonly deviations?: number;
}

/** The rows that share the pick. */
function chosen({ hit, load, imbalance = 8, deviations = 1 }: Fleet): number[] {
  const size = hit.length;
  const scores = new Float64Array(size).fill(9);
  const pods = { size, prefixHit: Float64Array.from(hit), inFlight: Float64Array.from(load) };
  prefixChoice.build({ imbalance, deviations })(pods, scores, bodylessRequest);
  expect([...scores].every((score) => score === 0 || score === 1)).toBe(true);
  return [...scores.keys()].filter((row) => scores[row] === 1);
}

describe("prefix-cache alone", () => {
  test.each<[string, Fleet, number[]]>([
    ["takes the longest match", { hit: [0.2, 0.9, 0.5], load: [1, 1, 1] }, [1]],
    ["takes the idler of equal matches", { hit: [0.5, 0.5, 0], load: [3, 2, 0] }, [1]],
    ["shares the pick among pods equal in both", { hit: [0.5, 0.5, 0.5], load: [2, 2, 3] }, [0, 1]],
    ["compares whole percents", { hit: [0.501, 0.509], load: [2, 1] }, [1]],
    ["takes 29 % for 29, however it is rounded", { hit: [0.29, 0.2901], load: [1, 1] }, [0, 1]],
    ["takes less than a percent for a match", { hit: [0.001, 0], load: [2, 0] }, [0]],
    // Mean 3, deviation sqrt((1 + 1 + 1 + 9) / 4) = 1.73.
    ["passes over a pod above mean + deviation: 6 > 4.73", { hit: [0, 0.3, 0, 1], load: [2, 2, 2, 6] }, [1]],
    ["keeps it within more deviations: 6 <= 6.46", { hit: [0, 0.3, 0, 1], load: [2, 2, 2, 6], deviations: 2 }, [3]],
    ["takes the fewest requests where no match is left", { hit: [0, 0, 0, 1], load: [2, 1, 1, 6] }, [1, 2]],
    ["takes the fewest requests without a match", { hit: [0, 0, 0], load: [4, 1, 2] }, [1]],
    [
      "matches only the idlest pods where 9 lie between them",
      { hit: [0.1, 1, 0.8], load: [0, 0, 9], deviations: 9 },
      [1],
    ],
    ["goes by load alone where none of these matches", { hit: [0, 0, 0.8], load: [0, 0, 9], deviations: 9 }, [0, 1]],
    ["is not imbalanced at the limit itself", { hit: [0, 0.1, 0.8], load: [0, 0, 8], deviations: 9 }, [2]],
    ["takes an unknown match for none", { hit: [Number.NaN, Number.NaN], load: [1, 0] }, [1]],
    ["takes the only pod", { hit: [0], load: [70] }, [0]],
  ])("%s", (_, fleet, expected) => {
    expect(chosen(fleet)).toEqual(expected);
  });
});

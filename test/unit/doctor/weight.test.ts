import { describe, expect, test } from "vitest";
import { atMostRisk, weightOfCount } from "../../../src/doctor/weight.ts";

describe("weightOfCount", () => {
  test.each([
    { count: 1, all: 100_000, is: "past" },
    { count: 1, all: 1000, is: "risk" },
    { count: 49, all: 1000, is: "risk" },
    { count: 50, all: 1000, is: "fault" },
    { count: 3, all: 0, is: "fault" },
  ])("is $is for $count of $all", ({ count, all, is }) => {
    expect(weightOfCount(count, all)).toBe(is);
  });

  test("has another measure where that is given", () => {
    expect([weightOfCount(499, 1000, 1 / 2), weightOfCount(500, 1000, 1 / 2)]).toEqual(["risk", "fault"]);
  });
});

test("atMostRisk leaves what is past", () => {
  expect([atMostRisk("fault"), atMostRisk("risk"), atMostRisk("past")]).toEqual(["risk", "risk", "past"]);
});

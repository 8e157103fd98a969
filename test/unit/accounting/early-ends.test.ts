import { expect, test } from "vitest";
import { EarlyEnds } from "../../../src/accounting/early-ends.ts";

const filter = {};

function after(count: number, gapMs: number, expected: boolean): EarlyEnds {
  const ends = new EarlyEnds();
  for (let i = 0; i < count; i++) ends.isEarly(filter, expected, gapMs, true);
  return ends;
}

test("EarlyEnds goes by what is usual at first", () => {
  expect(new EarlyEnds().isEarly(filter, true, 2, true)).toBe(true);
  expect(new EarlyEnds().isEarly(filter, false, 2, true)).toBe(false);
});

test("EarlyEnds never takes a late end for an early one", () => {
  expect(after(100, 2, true).isEarly(filter, true, 100, true)).toBe(false);
});

test("EarlyEnds learns that a filter thought to keep its streams closes them at once", () => {
  expect(after(10, 2, false).isEarly(filter, false, 2, true)).toBe(false);
  expect(after(100, 2, false).isEarly(filter, false, 2, true)).toBe(true);
});

test("EarlyEnds learns that a filter thought to close its streams keeps them", () => {
  expect(after(100, 800, true).isEarly(filter, true, 2, true)).toBe(false);
});

test("EarlyEnds is not swayed by a few quick answers", () => {
  const ends = after(100, 800, false);
  for (let i = 0; i < 20; i++) expect(ends.isEarly(filter, false, 2, true)).toBe(false);
});

test("EarlyEnds keeps filters apart", () => {
  expect(after(100, 2, false).isEarly({}, false, 2, true)).toBe(false);
});

test("EarlyEnds learns nothing from requests that are no inference", () => {
  const ends = new EarlyEnds();
  for (let i = 0; i < 100; i++) ends.isEarly(filter, false, 2, false);
  expect(ends.isEarly(filter, false, 2, true)).toBe(false);
});

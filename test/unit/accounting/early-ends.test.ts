import { expect, test } from "vitest";
import { EarlyEnds } from "../../../src/accounting/early-ends.ts";

const filter = {};
const PEER = "10.0.0.9:40000";

function after(count: number, gapMs: number, expected: boolean): EarlyEnds {
  const ends = new EarlyEnds();
  for (let i = 0; i < count; i++) ends.isEarly(PEER, filter, expected, gapMs, true);
  return ends;
}

test("EarlyEnds goes by what is usual at first", () => {
  expect(new EarlyEnds().isEarly(PEER, filter, true, 2, true)).toBe(true);
  expect(new EarlyEnds().isEarly(PEER, filter, false, 2, true)).toBe(false);
});

test("EarlyEnds never takes a late end for an early one", () => {
  expect(after(100, 2, true).isEarly(PEER, filter, true, 100, true)).toBe(false);
});

test("EarlyEnds learns that a filter thought to keep its streams closes them at once", () => {
  expect(after(10, 2, false).isEarly(PEER, filter, false, 2, true)).toBe(false);
  expect(after(100, 2, false).isEarly(PEER, filter, false, 2, true)).toBe(true);
});

test("EarlyEnds learns that a filter thought to close its streams keeps them", () => {
  expect(after(100, 800, true).isEarly(PEER, filter, true, 2, true)).toBe(false);
});

test("EarlyEnds is not swayed by a few quick answers", () => {
  const ends = after(100, 800, false);
  for (let i = 0; i < 20; i++) expect(ends.isEarly(PEER, filter, false, 2, true)).toBe(false);
});

test("EarlyEnds keeps filters apart", () => {
  expect(after(100, 2, false).isEarly(PEER, {}, false, 2, true)).toBe(false);
});

test("EarlyEnds learns nothing from requests that are no inference", () => {
  const ends = new EarlyEnds();
  for (let i = 0; i < 100; i++) ends.isEarly(PEER, filter, false, 2, false);
  expect(ends.isEarly(PEER, filter, false, 2, true)).toBe(false);
});

test("EarlyEnds tells connections apart, where Envoys of two versions share a filter's mode", () => {
  const ends = new EarlyEnds();
  const other = "10.0.0.8:40000";
  for (let i = 0; i < 200; i++) {
    ends.isEarly(PEER, filter, true, 2, true);
    ends.isEarly(other, filter, true, 800, true);
  }
  expect([ends.isEarly(PEER, filter, true, 2, true), ends.isEarly(other, filter, true, 2, true)]).toEqual([
    true,
    false,
  ]);
});

test("EarlyEnds begins a new connection as ending early where the others do, or where that is usual", () => {
  const other = "10.0.0.8:1";
  expect(after(100, 2, false).isEarly(other, filter, false, 2, true)).toBe(true);
  expect(after(100, 800, true).isEarly(other, filter, true, 2, true)).toBe(true);
  expect(after(100, 800, false).isEarly(other, filter, false, 2, true)).toBe(false);
});

test("EarlyEnds forgets the connections met first where there are too many", () => {
  const ends = after(100, 800, true);
  expect(ends.isEarly(PEER, filter, true, 2, true)).toBe(false);
  for (let i = 0; i < 4_096; i++) ends.isEarly(`10.0.0.8:${i}`, filter, true, 800, true);
  expect(ends.isEarly(PEER, filter, true, 2, true)).toBe(true);
});

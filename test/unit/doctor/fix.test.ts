/** What is printed under Do and Then: pasteable for the case at hand, and never with a brace that nobody filled in. */
import { describe, expect, test } from "vitest";
import type { Row } from "../../../src/doctor/catalogue/row.ts";
import { catalogue, rows } from "../../../src/doctor/catalogue/rows.ts";
import { expectOf, fixOf, waysOf } from "../../../src/doctor/fix.ts";

const wordsIn = (row: Row) =>
  [...row.fix, row.expect].flatMap(waysOf).flatMap((way) => [...way.matchAll(/\{(\w+)\}/g)].map(([, key = ""]) => key));
const unfilled = /\{\w+\}/;

describe("every row", () => {
  test.each(catalogue.map((row) => [row.name, row] as const))(
    "%s: no brace is printed, whatever is known",
    (_, row) => {
      const words = wordsIn(row);
      const known = [
        {},
        ...words.map((word) => ({ [word]: "x" })),
        Object.fromEntries(words.map((word) => [word, "x"])),
      ];
      for (const values of known) {
        const lines = [...fixOf({ row, values }), expectOf({ row, values })];
        expect(fixOf({ row, values }), JSON.stringify(values)).not.toEqual([]);
        expect(expectOf({ row, values }), JSON.stringify(values)).not.toBe("");
        expect(lines.filter((line) => unfilled.test(line))).toEqual([]);
      }
    },
  );
});

const row: Row = {
  ...rows.pickerDown,
  fix: [["a {one} {two}", "b {one}"], ["c {two}"], "d {one}", "e: { f: {two} }"],
  expect: ["g {two}", "h"],
};

test("fixOf takes the first way that it can fill in, and leaves out a line with none", () => {
  expect(fixOf({ row, values: { one: "1" } })).toEqual(["b 1", "d 1", "e: { f: TWO }"]);
  expect(fixOf({ row, values: { one: "1", two: "2" } })).toEqual(["a 1 2", "c 2", "d 1", "e: { f: 2 }"]);
  expect(fixOf({ row, values: { one: "1", two: "" } })).toEqual(["b 1", "d 1", "e: { f: TWO }"]);
});

test("expectOf goes by the same", () => {
  expect(expectOf({ row })).toBe("h");
  expect(expectOf({ row, values: { two: "2" } })).toBe("g 2");
});

test("words of the evidence that look like braces stay as they are", () => {
  expect(fixOf({ row, values: { one: "{two}", two: "2" } })[0]).toBe("a {two} 2");
});

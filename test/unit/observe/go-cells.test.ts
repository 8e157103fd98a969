import { describe, expect, test } from "vitest";
import { CellBook } from "../../../src/observe/go-cells.ts";
import { labelCaps } from "../../../src/observe/go-label-caps.ts";

const known = new Set(["m", "lora"]);
const plain = { model: "m", target: "m", fairness: "", priority: 0 };
const up = (to: number) => Array.from({ length: to }, (_, i) => i);

/** A client that writes every combination of so many names. */
function flooded({ models, tenants }: { models: number; tenants: number }): { book: CellBook; made: number } {
  const book = new CellBook((model) => known.has(model));
  const made = new Set<unknown>();
  for (const model of up(models))
    for (const tenant of up(tenants))
      made.add(book.of({ model: `x${model}`, target: `x${model}`, fairness: `t${tenant}`, priority: 0 }));
  return { book, made: made.size };
}

describe("CellBook.of", () => {
  test("makes no more cells than the cap allows, whatever models and tenants clients combine", () => {
    expect(flooded({ models: 60, tenants: 60 }).made).toBe(labelCaps.cells + 1);
    expect(flooded({ models: 1, tenants: 1000 }).made).toBe(labelCaps.tenants + 1);
    expect(flooded({ models: 1000, tenants: 1 }).made).toBeLessThanOrEqual(labelCaps.cells + 1);
  });

  test("tells known models of their own after a flood, and the tenants of these as one", () => {
    const { book } = flooded({ models: 60, tenants: 60 });
    expect(book.of(plain).values).toEqual(["m", "m", "default-flow", "0"]);
    expect(book.of({ ...plain, target: "lora", priority: 5 }).values).toEqual(["m", "lora", "default-flow", "5"]);
    expect(book.of({ ...plain, fairness: "t1" }).values).toEqual(["m", "m", "other", "0"]);
    expect(book.of({ ...plain, model: "", target: "" }).values).toEqual(["", "", "default-flow", "0"]);
    expect(book.of({ ...plain, model: "x99", target: "m" }).values).toEqual(["other", "other", "other", "0"]);
  });

  test("counts what a client's header makes of two known names", () => {
    const { book } = flooded({ models: 60, tenants: 60 });
    const asked = { ...plain, target: "lora", isTargetAsked: true };
    expect(book.of(asked).values).toEqual(["other", "other", "other", "0"]);
  });

  test("gives the same cells again, and tenants theirs while there is room", () => {
    const book = new CellBook((model) => known.has(model));
    const cells = book.of({ ...plain, fairness: "t" });
    expect(cells.values).toEqual(["m", "m", "t", "0"]);
    expect(book.of({ ...plain, fairness: "t" })).toBe(cells);
    expect(book.of({ ...plain, fairness: "default-flow" })).toBe(book.of(plain));
  });

  test("counts a tenant that is called other with those beyond the cap", () => {
    const { book } = flooded({ models: 1, tenants: 1000 });
    expect(book.of({ ...plain, fairness: "other" })).toBe(book.of({ ...plain, fairness: "late" }));
  });
});

describe("CellBook.ofRefused", () => {
  test("tells one model for all that are refused for their names, unless it is known", () => {
    const book = new CellBook((model) => known.has(model));
    expect(book.ofRefused("x", "", true)).toEqual(["other", "default-flow"]);
    expect(book.ofRefused("m", "", true)).toEqual(["m", "default-flow"]);
    expect(book.ofRefused("x", "", false)).toEqual(["x", "default-flow"]);
  });

  test("makes no more pairs than the cap allows, and leaves known models theirs", () => {
    const book = new CellBook((model) => known.has(model));
    const pairs = up(100).flatMap((model) => up(100).map((tenant) => book.ofRefused(`x${model}`, `t${tenant}`, false)));
    // One more for all the rest.
    expect(new Set(pairs.map(String)).size).toBe(labelCaps.refusals + 1);
    expect(book.ofRefused("m", "", false)).toEqual(["m", "default-flow"]);
    expect(book.ofRefused("m", "new", false)).toEqual(["m", "other"]);
    expect(book.ofRefused("", "", false)).toEqual(["", "default-flow"]);
  });
});

test("CellBook.attemptLabel tells so many pairs of pods and unknown models, and known ones always", () => {
  const book = new CellBook((model) => known.has(model));
  const labels = up(labelCaps.attempts + 5).map((i) => book.attemptLabel(`x${i}`, "pod"));
  expect(labels.filter((label) => label === "other")).toHaveLength(5);
  expect(["x0", "m", ""].map((model) => book.attemptLabel(model, "pod"))).toEqual(["x0", "m", ""]);
  expect(book.attemptLabel("x0", "another")).toBe("other");
});

import { expect, test } from "vitest";
import { BoundedLabel } from "../../../src/observe/bounded-label.ts";

test("BoundedLabel tells the first values, and all that come later as one", () => {
  const label = new BoundedLabel(2);
  expect(["a", "b", "a", "c", "d", "b", ""].map((value) => label.bound(value))).toEqual([
    ...["a", "b", "a", "other", "other", "b", ""],
  ]);
});

test("BoundedLabel always tells what is free, without taking room from others", () => {
  const label = new BoundedLabel(1, (value) => value.startsWith("known"));
  expect(["known-1", "known-2", "a", "b", "known-3"].map((value) => label.bound(value))).toEqual([
    ...["known-1", "known-2", "a", "other", "known-3"],
  ]);
});

test("BoundedLabel tells a value that becomes free after it was one of the others", () => {
  const free = new Set<string>();
  const label = new BoundedLabel(0, (value) => free.has(value));
  expect(label.bound("a")).toBe("other");
  free.add("a");
  expect(label.bound("a")).toBe("a");
});

test.each(["x".repeat(513), "a\u0000b"])("BoundedLabel keeps out what is no name", (value) => {
  const label = new BoundedLabel(9);
  expect(label.bound(value)).toBe("other");
});

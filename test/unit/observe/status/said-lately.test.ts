import { expect, test } from "vitest";
import { SaidLately } from "../../../../src/observe/status/said-lately.ts";

const [INFO, WARN, ERROR] = [30, 40, 50];

test("SaidLately keeps warnings and errors, newest first, with what they are about and nothing else of the line", () => {
  const said = new SaidLately();
  said.note(INFO, {}, "all is well");
  said.note(WARN, { pod: "a", secret: "s" }, "the pod fails");
  said.note(ERROR, { where: "scoring", err: new Error("x") }, "a fault");
  expect(said.latest()).toEqual([
    { at: expect.any(String), level: "error", text: "a fault", about: "where scoring", count: 1 },
    { at: expect.any(String), level: "warning", text: "the pod fails", about: "pod a", count: 1 },
  ]);
});

test("SaidLately counts what is said again, and takes it to the front", () => {
  const said = new SaidLately();
  for (const pod of ["a", "b", "a"]) said.note(WARN, { pod }, "the pod fails");
  expect(said.latest().map(({ about, count }) => [about, count])).toEqual([
    ["pod a", 2],
    ["pod b", 1],
  ]);
});

test("SaidLately forgets the oldest where there are too many, and cuts what is too long", () => {
  const said = new SaidLately();
  for (let i = 0; i < 100; i++) said.note(WARN, {}, `warning ${i} ${"x".repeat(1000)}`);
  const lines = said.latest();
  expect(lines).toHaveLength(20);
  expect(lines[0]?.text).toMatch(/^warning 99 x+\.\.\.$/);
  expect(lines[0]?.text.length).toBeLessThan(210);
});

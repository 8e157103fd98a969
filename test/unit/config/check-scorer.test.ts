import { describe, expect, test } from "vitest";
import { checkScorer } from "../../../src/config/check-scorer.ts";

const good = {
  name: "mine",
  summary: "For the test.",
  leaning: "spread",
  reads: ["waiting"],
  options: { limit: { default: 3, min: 1, help: "a limit" } },
  build: () => () => {},
};

function check(exported: unknown) {
  const faults: string[] = [];
  const scorer = checkScorer(exported, (member, expected, got, hint) =>
    faults.push(`${member}: ${expected}, got ${got}${hint === undefined ? "" : ` (${hint}?)`}`),
  );
  return { scorer, faults };
}

test("checkScorer gives back what is a scorer", () => {
  expect(check(good)).toEqual({ scorer: good, faults: [] });
});

describe("checkScorer tells the fault of", () => {
  test.each<[string, unknown, string]>([
    ["nothing", undefined, ": export default defineScorer({ ... }), got nothing"],
    ["a function", () => {}, ": export default defineScorer({ ... }), got a function"],
    ["a wrong name", { ...good, name: "My_Scorer" }, 'name: a name in kebab-case, got "My_Scorer"'],
    ["no summary", { ...good, summary: "" }, 'summary: a sentence, got ""'],
    ["a wrong leaning", { ...good, leaning: "up" }, 'leaning: "affinity" or "spread", got "up"'],
    ["no columns", { ...good, reads: [] }, "reads: a list with one or more columns, got []"],
    ["columns missing", { ...good, reads: undefined }, "reads: a list with one or more columns, got nothing"],
    ["no options", { ...good, options: undefined }, "options: options by name, {} for none, got nothing"],
    [
      "an option called use",
      { ...good, options: { use: good.options.limit } },
      'options.use: another name than use and weight, got "use"',
    ],
    [
      "an option that is none",
      { ...good, options: { limit: 3 } },
      "options.limit: a mapping with default and help, got 3",
    ],
    [
      "an option without help",
      { ...good, options: { limit: { default: 3 } } },
      "options.limit.help: a text, got nothing",
    ],
    [
      "a default out of bounds",
      { ...good, options: { limit: { default: 0, min: 1, help: "h" } } },
      "options.limit.default: a number, text, switch or list of texts that the option itself allows, got 0",
    ],
    [
      "a pattern that is a text",
      { ...good, options: { word: { default: "a", pattern: "^a$", help: "h" } } },
      'options.word.pattern: a regular expression such as /^[a-z]+$/ without the flags g and y, got "^a$"',
    ],
    [
      "a pattern that remembers",
      { ...good, options: { word: { default: "a", pattern: /^a$/g, help: "h" } } },
      "options.word.pattern: a regular expression such as /^[a-z]+$/ without the flags g and y, got /^a$/g",
    ],
    ["a name that is a big number", { ...good, name: 10n }, "name: a name in kebab-case, got 10n"],
    ["a promise", Promise.resolve(good), ": export default defineScorer({ ... }), got a promise"],
    ["no build", { ...good, build: 5 }, "build: a function, got 5"],
  ])("%s", (_title, exported, fault) => {
    expect(check(exported)).toEqual({ scorer: undefined, faults: [fault] });
  });

  test("a column that does not exist, with the one that was meant", () => {
    const { faults } = check({ ...good, reads: ["waiting", "waitng", 5] });
    expect(faults.length).toBe(2);
    expect(faults[0]).toMatch(/^reads\[1\]: one of waiting, .*, got "waitng" \(waiting\?\)$/);
    expect(faults[1]).toMatch(/^reads\[2\]: .*, got 5$/);
  });

  test("everything at once", () => {
    expect(check({}).faults.length).toBe(6);
  });
});

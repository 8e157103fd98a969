import { expect, test } from "vitest";
import { componentLevels, levelOf, parseLevel } from "../../../src/config/log-levels.ts";

test.each([
  ["", {}],
  ["scrape=debug", { scrape: "debug" }],
  [" ext-proc = 5 ,scrape=WARNING", { "ext-proc": "trace", scrape: "warn" }],
])("componentLevels reads %j", (text, levels) => {
  expect(componentLevels.parse(text)).toEqual(levels);
});

test.each([
  ["scrap=debug", "scrape=debug"],
  ["scrape=debgu,pods=2", "scrape=debug,pods=info"],
  ["scrape", undefined],
  ["scrape=debug,", undefined],
  ["constructor=debug", undefined],
])("componentLevels refuses %j and guesses %j", (text, meant) => {
  expect(componentLevels.parse(text)).toBeUndefined();
  expect(componentLevels.meant?.(text)).toBe(meant);
});

test("componentLevels shows levels as they are written", () => {
  expect(componentLevels.show({ scrape: "debug", pods: "warn" })).toBe("scrape=debug,pods=warn");
  expect(componentLevels.show({})).toBe("none");
});

test("levels are the Go picker's numbers", () => {
  expect([0, 1, 2, 3, 4, 5].map(levelOf)).toEqual(["error", "warn", "info", "info", "debug", "trace"]);
  expect(["0", "5", "6", "10", "Info", "x"].map(parseLevel)).toEqual([
    "error",
    "trace",
    undefined,
    undefined,
    "info",
    undefined,
  ]);
});

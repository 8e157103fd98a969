import { expect, test } from "vitest";
import { builtInScorers } from "../../../scorers/index.ts";
import { plugIns } from "../../../src/cli/plug-ins.ts";
import { ConfigError } from "../../../src/errors.ts";
import { builtInFilters } from "../../../src/routing/filters/index.ts";
import { builtInPickers } from "../../../src/routing/pickers.ts";

async function listed(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const interrupted = new Promise<string>(() => {});
  expect(await plugIns.run(args, { env: {}, out: (line) => lines.push(line), interrupted })).toBe(0);
  return lines.join("\n");
}

test("plug-ins lists every scorer, filter and picker with each of its options and its default", async () => {
  const text = await listed();
  for (const { name, options } of [...builtInScorers, ...builtInFilters, ...builtInPickers]) {
    expect(text).toMatch(new RegExp(`^  ${name} `, "m"));
    for (const option of Object.keys(options)) expect(text).toMatch(new RegExp(`^    ${option} `, "m"));
  }
  expect(text).toMatch(/^ {4}k {2,}how many pods share the picks: an integer >= 1 \(3\)$/m);
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(112);
});

test("plug-ins refuses what it does not know", async () => {
  await expect(listed("--all")).rejects.toThrow(ConfigError);
});

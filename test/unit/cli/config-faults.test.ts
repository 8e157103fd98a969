import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { builtInScorers } from "../../../scorers/index.ts";
import { checked } from "../../../src/cli/check.ts";
import { poolKeys, rootKeys, sectionKeys } from "../../../src/config/file-keys.ts";
import { ConfigError, describeFault } from "../../../src/errors.ts";
import { builtInFilters } from "../../../src/routing/filters/index.ts";
import { builtInPickers } from "../../../src/routing/pickers.ts";

const folder = join(import.meta.dirname, "../../config-faults");
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

/** Lists that grow with the product, as the messages name them. */
const lists: Readonly<Record<string, readonly string[]>> = {
  "top-level keys": rootKeys,
  "pool keys": poolKeys,
  scorers: builtInScorers.map(({ name }) => name),
  filters: builtInFilters.map(({ name }) => name),
  pickers: builtInPickers.map(({ name }) => name),
  ...Object.fromEntries(Object.entries(sectionKeys).map(([section, keys]) => [`${section} keys`, Object.keys(keys)])),
};

/** The messages that the file says it deserves, each on a line after `#!`. */
function deserved(text: string): string[] {
  const lines = [...text.matchAll(/^#! (.*)$/gm)].map(([, message = ""]) => message);
  return lines.map((line) => line.replace(/<([^>]+)>/g, (all, name: string) => lists[name]?.join(", ") ?? all));
}

function told(path: string): string[] {
  try {
    checked({ args: [`--config-file=${path}`], env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((fault) => describeFault(fault).replace(`${path}:`, ""));
  }
}

test("there are 60 ways to be wrong at least, each with a sentence of its own", () => {
  expect(files.length).toBeGreaterThanOrEqual(60);
  const heads = files.map((name) => readFileSync(join(folder, name), "utf8").split("\n", 1)[0]);
  expect(heads.filter((head) => !/^# [A-Z].*\.$/.test(head ?? ""))).toEqual([]);
  expect(new Set(heads).size).toBe(heads.length);
});

test.each(files)("check tells the faults of %s", (name) => {
  const path = join(folder, name);
  const messages = deserved(readFileSync(path, "utf8"));
  expect(messages).not.toEqual([]);
  expect(told(path)).toEqual(messages);
});

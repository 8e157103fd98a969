/** The lists of names that the Go picker has, walked: each of them is known, and something is said of it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { foreignPlugin, foreignPlugins } from "../../../../src/config/foreign/catalogue.ts";
import { allFlags } from "../../../../src/config/foreign/command-line.ts";
import { foreignGates } from "../../../../src/config/foreign/feature-gates.ts";
import { foreignFlags } from "../../../../src/config/foreign/flags.ts";
import { serveOptions } from "../../../../src/config/options.ts";
import { goMetrics } from "../../../../src/observe/go-metrics.ts";

function linesOf(name: string): string[][] {
  const text = readFileSync(new URL(`../../../fixtures/foreign/${name}.txt`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
}

describe("the catalogue of plugins", () => {
  test.each(linesOf("plugins"))("says what becomes of %s", (type) => {
    const known = foreignPlugin(type);
    expect(known?.fate).toMatch(/^(same|near|idle|refused)$/);
    // Of state that replicas share there is nothing here, nor anything near.
    expect(known?.ours !== "" || type === "local-syncer").toBe(true);
  });

  test("names nothing twice", () => {
    const names = foreignPlugins.flatMap(({ type, older = [] }) => [type, ...older]);
    expect(names.filter((name, i) => names.indexOf(name) < i)).toEqual([]);
  });

  test("calls near what weighs as a scorer where the Go picker filters", () => {
    const fates = ["prefix-cache-affinity-filter", "session-affinity-filter"].map((type) => foreignPlugin(type)?.fate);
    expect(fates).toEqual(["near", "near"]);
  });

  test("says how what is near differs", () => {
    expect(foreignPlugins.filter(({ fate, remark = "" }) => fate === "near" && remark === "")).toEqual([]);
  });
});

describe("the table of flags", () => {
  const flags = ["flags-present", "flags-1.0", "flags-kserve"].flatMap(linesOf);

  test.each(flags)("has %s", (flag = "") => {
    const name = flag.replace(/^-+/, "");
    expect(foreignFlags.find((each) => each.flag === name)).toBeDefined();
    expect(Object.values(allFlags).some((spec) => spec.flag === name)).toBe(true);
  });

  test("has the defaults that the Go picker has", () => {
    const wrong = linesOf("flags-present").filter(([flag = "", value = ""]) => {
      const found = foreignFlags.find((each) => each.flag === flag.replace(/^-+/, ""));
      return found?.flag !== "pool-namespace" && found?.goDefault !== value;
    });
    expect(wrong).toEqual([]);
  });

  test("calls no flag idle that sets another", () => {
    const found = foreignFlags.find(({ flag }) => flag === "zap-log-level");
    expect(found).toMatchObject({ fate: "near", ours: "-v" });
    expect(foreignFlags.find(({ flag }) => flag === "v")?.ours).toBe("-v");
  });

  test("has a line for every flag that does nothing, and kinds for those that are not ours", () => {
    const own = new Set(Object.values(serveOptions).map((spec) => spec.flag));
    expect(foreignFlags.filter(({ fate, note }) => fate === "idle" && note === undefined)).toEqual([]);
    expect(
      foreignFlags.filter(({ flag, kind }) => kind === undefined && !own.has(flag)).map(({ flag }) => flag),
    ).toEqual([]);
  });
});

test("the table of feature gates has those that the Go picker's configuration knows", () => {
  const fates = new Map(foreignGates.map(({ gate, fate }) => [gate, fate]));
  expect(fates.get("flowControl")).toBe("refused");
  expect(fates.get("haPopulateNonLeaderDatastore")).toBe("idle");
});

describe("the table of metrics", () => {
  test.each(linesOf("metrics"))("has %s", (name = "", older) => {
    const found = goMetrics.filter((each) => each.name === name);
    expect(found).toHaveLength(1);
    if (older !== undefined) expect(found[0]?.older).toBe(older);
  });

  test("says why where nothing here tells the same", () => {
    const mute = goMetrics.filter(({ ours, help, remark }) => ours.length === 0 && (help ?? remark) === undefined);
    expect(mute.map(({ name }) => name)).toEqual([]);
  });
});

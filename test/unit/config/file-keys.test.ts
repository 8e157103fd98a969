import { expect, test } from "vitest";
import { fileKeys, poolKeys } from "../../../src/config/file-keys.ts";
import { podOptions } from "../../../src/config/pod-options.ts";

test("fileKeys names each key of a pool once, with a flag that exists", () => {
  const keys = fileKeys();
  const flags = Object.values(podOptions).map(({ flag }) => flag);
  expect(new Set(keys.map(({ path }) => path)).size).toBe(keys.length);
  const ofPools = keys.filter(({ path }) => path.startsWith("pools[]."));
  expect(new Set(ofPools.map(({ path }) => path.split(".")[1]))).toEqual(new Set(poolKeys));
  expect(keys.filter(({ flag }) => flag !== "" && !flags.includes(flag))).toEqual([]);
});

test("fileKeys takes form and help from the option that says the same", () => {
  const { flag, kind, help } = podOptions.refreshMetricsIntervalMs;
  expect(fileKeys()).toContainEqual({ path: "pools[].scrape.interval", form: kind.expects, flag, help });
});

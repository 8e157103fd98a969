/** Nothing in the tree depends on the machine it was written on, and no test run is narrowed down by accident. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { listFiles, readSource, root } from "./tree.ts";

const owned = listFiles("{*,.*,.ci/*,{src,scorers,test,bench,deploy,proto}/**/*}").filter((path) =>
  statSync(join(root, path)).isFile(),
);
// Written in pieces, so that this file does not find itself.
const machinePath = new RegExp(["/(work|root|tmp", "home)/[\\w.]", "\\b[A-Z]:\\\\Users"].join("|"));
const narrowed = new RegExp(`\\b(test|it|describe)\\.${"only"}\\(`);
const unfinished = new RegExp(["TO", "FIX"].map((word) => `\\b${word}${word === "TO" ? "DO" : "ME"}\\b`).join("|"));

function linesWith(pattern: RegExp, files: readonly string[]): string[] {
  return files.flatMap((path) =>
    readSource(path)
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])),
  );
}

describe("the tree", () => {
  test("holds no absolute path of a machine", () => {
    expect(["", "root", "x"].join("/")).toMatch(machinePath);
    expect(linesWith(machinePath, owned)).toEqual([]);
    expect(owned).toContain("package.json");
  });

  test("holds no focused test and no note of unfinished work", () => {
    const ours = owned.filter((path) => !path.endsWith(".json") && !path.startsWith("test/fixtures/"));
    expect(linesWith(narrowed, ours)).toEqual([]);
    expect(linesWith(unfinished, ours)).toEqual([]);
  });
});

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe("package-lock.json", () => {
  const { packages } = JSON.parse(readSource("package-lock.json")) as { packages: Record<string, LockEntry> };

  test("names no registry", () => {
    expect(linesWith(/"resolved"|https?:\/\/[^"]*registry/, ["package-lock.json"])).toEqual([]);
  });

  test("lists the optional packages of every platform: npm ci refuses the lockfile otherwise", () => {
    const isListed = (parent: string, name: string) =>
      packages[`node_modules/${name}`] !== undefined || packages[`${parent}/node_modules/${name}`] !== undefined;
    const missing = Object.entries(packages).flatMap(([parent, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isListed(parent, name)),
    );
    expect(missing).toEqual([]);
  });
});

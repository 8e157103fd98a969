import { describe, expect, test } from "vitest";
import { configuredRewrites } from "../../../src/config/file-rewrites.ts";
import { readSettings } from "../../../src/config/load-settings.ts";
import { RewriteBook } from "../../../src/rewrite/rewrite-rules.ts";

function read(yaml: string) {
  const said = { args: ["--config-file=c.yaml"], env: {} };
  const { settings, faults } = readSettings(said, { check: () => [], fileBytes: Buffer.from(yaml) });
  return { ...settings, faults: faults.map(({ path, expected, got }) => `${path}: expected ${expected}, got ${got}`) };
}

const pools = "pools: [{name: a, pods: {static: [10.0.0.1:80]}}]\n";

describe("readRewrites", () => {
  test("reads names alone and in lists, targets with and without weights", () => {
    const yaml = `${pools}rewrites:
- {models: gpt, to: llama}
- models: [x, "y z"]
  to: [v1, {model: v2, weight: 9}]
- {to: [any]}`;
    const { rewrites, faults } = read(yaml);
    expect(faults).toEqual([]);
    expect(rewrites).toEqual([
      { models: ["gpt"], targets: [{ model: "llama" }] },
      { models: ["x", "y z"], targets: [{ model: "v1" }, { model: "v2", weight: 9 }] },
      { models: [], targets: [{ model: "any" }] },
    ]);
  });

  test("leave a model its name where they say so, before a rule for all others", () => {
    const { rewrites, faults } = read(`${pools}rewrites: [{models: [a], to: a}, {to: b}]`);
    expect(faults).toEqual([]);
    const book = new RewriteBook();
    book.set("config", configuredRewrites(rewrites, []));
    expect(book.exactRule("a", "")?.targets).toEqual(["a"]);
  });

  test("are none where none are written, also without a file", () => {
    expect(read(pools).rewrites).toEqual([]);
    const said = { args: ["--pods=10.0.0.1:80"], env: {} };
    expect(readSettings(said, { check: () => [] }).settings.rewrites).toEqual([]);
  });

  test.each([
    ["rewrites: {a: b}", ["c.yaml:2:11 rewrites: expected a list of rules, got a mapping"]],
    ["rewrites: []", ["c.yaml:2:11 rewrites: expected a list of rules, got an empty one"]],
    ["rewrites: [a]", ['c.yaml:2:12 rewrites[0]: expected a mapping with models and to, got "a"']],
    [
      "rewrites: [{to: []}]",
      ["c.yaml:2:17 rewrites[0].to: expected a name, or a mapping with model and weight, got an empty one"],
    ],
    ["rewrites: [{to: 4}]", ["c.yaml:2:17 rewrites[0].to: expected a model's name of at most 512 bytes, got 4"]],
    ['rewrites: [{to: ""}]', ['c.yaml:2:17 rewrites[0].to: expected a model\'s name of at most 512 bytes, got ""']],
    [
      'rewrites: [{models: ["a\\nb"], to: c}]',
      ['c.yaml:2:22 rewrites[0].models[0]: expected a model\'s name of at most 512 bytes, got "a\\nb"'],
    ],
    [
      "rewrites: [{to: {weight: 1.5}}]",
      [
        "c.yaml:2:17 rewrites[0].to.model: expected a model's name of at most 512 bytes, got nothing",
        "c.yaml:2:26 rewrites[0].to.weight: expected a whole number from 1 to 1000000, got 1.5",
      ],
    ],
  ])("tells the faults of %s", (yaml, faults) => {
    expect(read(`${pools}${yaml}`).faults).toEqual(faults);
  });
});

describe("configuredRewrites", () => {
  test("puts the rules of a pool before those of all, and keeps them to the pool", () => {
    const yaml = `pools:
- {name: a, pods: {static: [10.0.0.1:80]}, rewrites: [{models: m, to: in-a}]}
- {name: b, pods: {static: [10.0.0.2:80]}}
rewrites: [{models: m, to: everywhere}]`;
    const settings = read(yaml);
    expect(settings.faults).toEqual([]);
    const book = new RewriteBook();
    book.set("config", configuredRewrites(settings.rewrites, settings.pools));
    const targets = ["a", "b"].map((pool) => book.exactRule("m", pool)?.targets);
    expect(targets).toEqual([["in-a"], ["everywhere"]]);
    expect(configuredRewrites([], settings.pools.slice(1))).toEqual([]);
  });
});

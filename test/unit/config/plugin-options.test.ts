import { describe, expect, test } from "vitest";
import { isMap } from "yaml";
import { loadConfig } from "../../../src/config/load-config.ts";
import { serveOptions } from "../../../src/config/options.ts";
import { isCorrect, pluginOptionRows, readPluginOptions } from "../../../src/config/plugin-options.ts";
import { YamlTree } from "../../../src/discovery/yaml-tree.ts";
import { describeFault } from "../../../src/errors.ts";

const specs = {
  share: { default: 0.5, min: 0, max: 1, help: "a share" },
  count: { default: 3, min: 1, integer: true, help: "how many" },
  below: { default: 0, max: 9, help: "at most nine" },
  any: { default: 0, help: "any number" },
  strict: { default: false, help: "a switch" },
  label: { default: "", help: "any text" },
  zone: { default: "a1", pattern: /^[a-z]\d$/, expects: "a letter and a digit", help: "a zone" },
  names: { default: ["x"], pattern: /^\w+$/, expects: "a word", help: "words" },
} as const;

function read(yaml: string) {
  const faults: string[] = [];
  const fault = (path: string, expected: string, got: string, hint?: string) =>
    faults.push(describeFault({ path, expected, got, ...(hint !== undefined && { hint }) }));
  const tree = new YamlTree(yaml, "c.yaml", fault);
  const { root } = tree;
  if (root === undefined || !isMap(root.node)) throw new Error("no mapping");
  const config = loadConfig(serveOptions, [], {});
  const fields = tree.fields(root, root.node, Object.keys(specs));
  return { values: readPluginOptions({ tree, fault, config, folder: "." }, fields, specs), faults };
}

test("readPluginOptions takes what is declared and correct, and nothing that is not written", () => {
  expect(read("{}")).toEqual({ values: {}, faults: [] });
  const yaml = "{share: 1, count: 1, below: -2.5, any: 1e3, strict: true, label: a b, zone: z9, names: [a, b]}";
  expect(read(yaml)).toEqual({
    values: {
      share: 1,
      count: 1,
      below: -2.5,
      any: 1000,
      strict: true,
      label: "a b",
      zone: "z9",
      names: ["a", "b"],
    },
    faults: [],
  });
  expect(read("names: []").values).toEqual({ names: [] });
});

describe("readPluginOptions tells the fault of", () => {
  test.each([
    ["share: 1.5", "1:8 share: expected a number 0..1, got 1.5"],
    ["share: -0.1", "1:8 share: expected a number 0..1, got -0.1"],
    ['share: "1"', '1:8 share: expected a number 0..1, got "1"'],
    ["share: .nan", "1:8 share: expected a number 0..1, got .nan"],
    ["count: 2.5", "1:8 count: expected an integer >= 1, got 2.5"],
    ["below: 10", "1:8 below: expected a number <= 9, got 10"],
    ["any: .inf", "1:6 any: expected a number, got .inf"],
    ["any: true", "1:6 any: expected a number, got true"],
    ["strict: 1", "1:9 strict: expected true or false, got 1"],
    ['strict: "yes"', '1:9 strict: expected true or false, got "yes"'],
    ["label: 5", "1:8 label: expected a text, got 5"],
    ["label:", "1:7 label: expected a text, got nothing"],
    ["zone: 11", "1:7 zone: expected a letter and a digit, got 11"],
    ["zone: A1", '1:7 zone: expected a letter and a digit, got "A1"'],
    ["names: a", '1:8 names: expected a list, each a word, got "a"'],
    ["names: [a, b c]", '1:12 names[1]: expected a word, got "b c"'],
    ["names: [{a: 1}]", "1:9 names[0]: expected a word, got a mapping"],
  ])("%s", (yaml, fault) => {
    const { values, faults } = read(yaml);
    expect(faults).toEqual([fault.replace(/^/, "c.yaml:")]);
    expect(values).toEqual({});
  });
});

test("isCorrect takes every default of its own option, and no value of another kind", () => {
  for (const spec of Object.values(specs)) {
    expect(isCorrect(spec, spec.default)).toBe(true);
    for (const other of [undefined, null, {}, [1]]) expect(isCorrect(spec, other)).toBe(false);
  }
});

test("pluginOptionRows shows default, form and help of each option", () => {
  expect(pluginOptionRows({ names: specs.names, strict: specs.strict })).toEqual([
    { name: "names", default: "[x]", expects: "a list, each a word", help: "words" },
    { name: "strict", default: "false", expects: "true or false", help: "a switch" },
  ]);
});

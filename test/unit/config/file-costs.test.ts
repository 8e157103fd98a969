import { describe, expect, test } from "vitest";
import { readSettings } from "../../../src/config/load-settings.ts";

function read(yaml: string) {
  const said = { args: ["--config-file=c.yaml"], env: {} };
  const file = `pools: [{name: a, pods: {static: [10.0.0.1:80]}}]\n${yaml}`;
  const { settings, faults } = readSettings(said, { check: () => [], fileBytes: Buffer.from(file) });
  return { ...settings, faults: faults.map(({ path, expected, got }) => `${path}: expected ${expected}, got ${got}`) };
}

describe("readCosts", () => {
  test("reads counts and expressions", () => {
    const { costs, faults } = read("costs: [{key: all, of: total}, {key: price, expression: '2u * input_tokens'}]");
    expect(faults).toEqual([]);
    expect(costs.map(({ key, text }) => [key, text])).toEqual([
      ["all", "total"],
      ["price", "2u * input_tokens"],
    ]);
  });

  test("are none where none are written", () => {
    expect(read("").costs).toEqual([]);
  });

  test("tells every fault with its place", () => {
    const { faults } = read(`costs:
- {key: a b, of: total}
- {key: c, of: tokens}
- {key: c, of: total, expression: 1u}
- {key: d}
- {key: e, expression: input_tokens + 1}
- {of: total}`);
    expect(faults).toEqual([
      expect.stringMatching(/^c.yaml:3:9 costs\[0\].key: expected a name of letters.*, got "a b"$/),
      expect.stringMatching(/^c.yaml:4:16 costs\[1\].of: expected one of input, .*, got "tokens"$/),
      expect.stringMatching(/^c.yaml:5:9 costs\[2\].key: expected each key once, got "c" again$/),
      expect.stringMatching(/^c.yaml:5:3 costs\[2\]: expected either of or expression, got both$/),
      expect.stringMatching(/^c.yaml:6:3 costs\[3\]: expected either of or expression, got neither$/),
      expect.stringMatching(/^c.yaml:7:24 costs\[4\].expression: expected a number in CEL.*uint \+ int/),
      expect.stringMatching(/^c.yaml:8:3 costs\[5\].key: expected a name/),
    ]);
  });
});

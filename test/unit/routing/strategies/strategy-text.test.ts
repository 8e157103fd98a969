import { expect, test } from "vitest";
import { readStrategyText } from "../../../../src/routing/strategies/strategy-text.ts";

const part = (name: string, weight = 1) => ({ name, weight });

test.each([
  ["random", [part("random")]],
  [" least-request ", [part("least-request")]],
  ["a:2,b,c:0", [part("a", 2), part("b")]],
  ["a : 2 , b : 1000000", [part("a", 2), part("b", 1_000_000)]],
  ["a:2,pd:1", [part("pd")]],
  ["slo-pack-load,pd", [part("slo-pack-load")]],
  ["a,pd:0", [part("a")]],
  ["a:0", undefined],
  ["", undefined],
  ["a,,b", undefined],
  ["a,", undefined],
  [":1", undefined],
  ["a:1:2", undefined],
  ["a:-1", undefined],
  ["a:1.5", undefined],
  ["a:", undefined],
  ["a:1000001", undefined],
  ["a:x", undefined],
  [`${"a,".repeat(300)}a`, undefined],
])("readStrategyText of %j", (text, expected) => {
  expect(readStrategyText(text)).toEqual(expected);
});

import { expect, test } from "vitest";
import { PolledFamily } from "../../../src/observe/instruments.ts";
import { labelsText } from "../../../src/observe/metric-cells.ts";

const spec = { name: "pods_waiting", help: "How many wait.", labels: ["pod"] };
const head = "# HELP pods_waiting How many wait.\n# TYPE pods_waiting gauge\n";

test("PolledFamily that is read from nowhere has a head and no sample", () => {
  expect(new PolledFamily(spec, "gauge").text()).toBe(head);
});

test("PolledFamily writes what its source tells and leaves out what is unknown", () => {
  const family = new PolledFamily(spec, "gauge");
  family.readFrom((write) => {
    write(labelsText({ pod: "a" }), 0);
    write(labelsText({ pod: "b" }), Number.NaN);
    write(labelsText({ pod: "c" }), 0.25);
  });
  expect(family.text()).toBe(`${head}pods_waiting{pod="a"} 0\npods_waiting{pod="c"} 0.25\n`);
});

test.each([
  ["default/vllm-0", '{pod="default/vllm-0"}'],
  ['a"b', '{pod="a\\"b"}'],
  ["a\\b", '{pod="a\\\\b"}'],
  ["a\nb\nc", '{pod="a\\nb\\nc"}'],
])("labelsText of %j is %s", (name, expected) => {
  expect(labelsText({ pod: name })).toBe(expected);
});

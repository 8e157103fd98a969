import { describe, expect, test } from "vitest";
import { HistogramCell, HistogramFamily, ValueFamily } from "../../../src/observe/families.ts";

const spec = { name: "picks_total", help: "How many.", labels: ["model", "pool"] };

describe("ValueFamily", () => {
  test("has a head and no sample before anything is counted", () => {
    expect(new ValueFamily(spec, "counter").text()).toBe("# HELP picks_total How many.\n# TYPE picks_total counter\n");
  });

  test("writes labels in the order of their names, escaped", () => {
    const family = new ValueFamily({ ...spec, labels: ["pool", "model"] }, "gauge");
    family.cell(["p", 'a"b\n']).value = 2;
    expect(family.text()).toContain('picks_total{model="a\\"b\\n",pool="p"} 2\n');
  });

  test("gives the same cell for the same values, and another for others", () => {
    const family = new ValueFamily(spec, "counter");
    expect(family.cell(["m", "p"])).toBe(family.cell(["m", "p"]));
    expect(family.cell(["m", "p"])).not.toBe(family.cell(["m", "q"]));
  });

  test("adds up for its twin what differs in other labels alone", () => {
    const twin = { name: "old_picks", labels: ["model_name"], from: [0] };
    const family = new ValueFamily({ ...spec, twin }, "counter");
    family.cell(["m", "p"]).value = 1;
    family.cell(["m", "q"]).value = 2;
    family.cell(["n", "q"]).value = 4;
    expect(family.text().split("\n").slice(5)).toEqual([
      "# HELP old_picks How many.",
      "# TYPE old_picks counter",
      'old_picks{model_name="m"} 3',
      'old_picks{model_name="n"} 4',
      "",
    ]);
  });

  test("asks for what is kept elsewhere, and leaves out what is unknown", () => {
    const family = new ValueFamily({ ...spec, labels: [] }, "gauge");
    let value = Number.NaN;
    family.readFrom((write) => write([], value));
    expect(family.text()).not.toMatch(/^picks_total/m);
    value = 0.5;
    expect(family.text()).toMatch(/^picks_total 0.5$/m);
  });
});

describe("HistogramFamily", () => {
  test("writes buckets, sum and count of each label set, and of its twin", () => {
    const twin = { name: "old_size", labels: [], from: [] };
    const family = new HistogramFamily({ name: "size", help: "Bytes.", labels: ["m"], twin }, [0.5, 2_097_152]);
    family.cell(["a"]).observe(0.5);
    family.cell(["b"]).observe(3e6, 2);
    expect(family.text()).toBe(`# HELP size Bytes.
# TYPE size histogram
size_bucket{m="a",le="0.5"} 1
size_bucket{m="a",le="2.097152e+06"} 1
size_bucket{m="a",le="+Inf"} 1
size_sum{m="a"} 0.5
size_count{m="a"} 1
size_bucket{m="b",le="0.5"} 0
size_bucket{m="b",le="2.097152e+06"} 0
size_bucket{m="b",le="+Inf"} 2
size_sum{m="b"} 6000000
size_count{m="b"} 2
# HELP old_size Bytes.
# TYPE old_size histogram
old_size_bucket{le="0.5"} 1
old_size_bucket{le="2.097152e+06"} 1
old_size_bucket{le="+Inf"} 3
old_size_sum 6000000.5
old_size_count 3
`);
  });
});

test.each([
  [-1, 0],
  [0, 0],
  [0.05, 1],
  [0.1, 1],
  [0.11, 2],
  [1, 3],
  [1.1, 4],
])("HistogramCell puts %f into bucket %i, a bound belonging to its bucket", (value, bucket) => {
  const cell = new HistogramCell([0, 0.1, 0.5, 1]);
  cell.observe(value);
  expect(cell.counts.indexOf(1)).toBe(bucket);
});

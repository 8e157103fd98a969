import { describe, expect, test } from "vitest";
import { goFamilies } from "../../../src/observe/go-families.ts";
import type { EmittedMetric, GoMetric } from "../../../src/observe/go-metric.ts";
import { emittedMetrics, goMetrics } from "../../../src/observe/go-metrics.ts";
import { familiesOf, goFamilyList } from "../../support/exposition.ts";

/** One sample in every family, so that labels and bounds show. */
function fullPage(): string {
  const families = goFamilies();
  for (const [key, spec] of Object.entries<EmittedMetric>(emittedMetrics)) {
    families[key as keyof typeof families].cell(spec.labels.map((label) => `of-${label}`));
  }
  return Object.values(families)
    .map((family) => family.text())
    .join("");
}

describe("the families under the Go picker's names", () => {
  const found = familiesOf(fullPage());

  test.each(goFamilyList())("have $name with its kind, labels and bounds", (expected) => {
    const { lines, ...family } = found.get(expected.name)!;
    expect(family).toEqual(expected);
    expect(lines.length).toBeGreaterThan(0);
  });

  test("are no others than those on the list", () => {
    expect([...found.keys()].sort()).toEqual(
      goFamilyList()
        .map(({ name }) => name)
        .sort(),
    );
  });

  test("have for each older label the value of the one that took its place", () => {
    const [line] = found.get("inference_extension_scheduler_attempts_total")!.lines;
    expect(line).toContain('pod_name="of-endpoint_name"');
    expect(found.get("inference_pool_per_pod_queue_size")!.lines[0]).toContain(
      'model_server_pod="of-model_server_endpoint"',
    );
  });
});

test("goMetrics names nothing twice, and says of each that is not emitted why", () => {
  const names = goMetrics.flatMap(({ name, older = [] }) => [name].concat(older));
  expect(names.filter((name, i) => names.indexOf(name) < i)).toEqual([]);
  const isUnexplained = ({ help, remark }: GoMetric) => help === undefined && remark === undefined;
  expect(goMetrics.filter(isUnexplained).map(({ name }) => name)).toEqual([]);
});

test("goMetrics has bounds for every histogram that is emitted", () => {
  const lacking = goMetrics.filter(({ kind, help, bounds }) => kind === "histogram" && help && bounds === undefined);
  expect(lacking).toEqual([]);
});

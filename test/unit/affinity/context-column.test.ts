import { expect, test } from "vitest";
import { ContextColumn } from "../../../src/affinity/context-column.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";

test("each pod's fit is that of a quarter of the prompt's bytes to the range in its label", () => {
  const table = new PodTable();
  const ranges = [{ r: "10-10" }, { r: "1010-2000" }, { r: "none" }, {}];
  table.reconcile(
    ranges.map((labels, i) => ({ name: `p${i}`, address: `p:${i}`, labels: labels as Record<string, string> })),
  );
  const slots = Int32Array.from(table.pods(), ({ slot }) => slot);
  const out = new Float64Array(slots.length);
  new ContextColumn(table, "r").fill({ ...bodylessRequest, promptBytes: 43 }, slots, slots.length, out);
  expect([...out]).toEqual([1, 0.15, 0, 0.5]);
});

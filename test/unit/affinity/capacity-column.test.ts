import { expect, test } from "vitest";
import { CapacityColumn } from "../../../src/affinity/capacity-column.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";

const { NaN: unknown } = Number;

function weights(label: string, labels: readonly Readonly<Record<string, string>>[], blocks: readonly number[] = []) {
  const table = new PodTable();
  const specs = (each: typeof labels) => each.map((own, i) => ({ name: `p${i}`, address: `p:${i}`, labels: own }));
  table.reconcile(specs(labels));
  const column = new CapacityColumn(table, label, ({ slot }) => blocks[slot] ?? unknown);
  const read = () => {
    const out = new Float64Array(labels.length);
    column.fill(
      bodylessRequest,
      Int32Array.from(table.pods(), ({ slot }) => slot),
      labels.length,
      out,
    );
    return [...out];
  };
  return { read, relabel: (each: typeof labels) => table.reconcile(specs(each)) };
}

test("without a label a pod's capacity is its KV blocks, unknown where it tells none", () => {
  expect(weights("", [{}, {}], [27_000]).read()).toEqual([27_000, unknown]);
});

test("a label's number is the capacity; what is no number, or none that makes sense, is unknown", () => {
  const labels = ["2", " 0.5 ", "0", "", "2x", "-1", "Infinity", "NaN"].map((gpus) => ({ gpus }));
  expect(weights("gpus", [...labels, {}]).read()).toEqual([2, 0.5, 0, ...new Array(6).fill(unknown)]);
});

test("a label that changes is read again", () => {
  const { read, relabel } = weights("gpus", [{ gpus: "1" }]);
  expect(read()).toEqual([1]);
  relabel([{ gpus: "8" }]);
  expect(read()).toEqual([8]);
});

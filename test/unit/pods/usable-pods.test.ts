import { expect, test } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { leastWaitingIn, toldIn, usableIn, usablePods } from "../../../src/pods/usable-pods.ts";

function rig() {
  const table = new PodTable();
  table.reconcile(["a:1", "b:1", "c:1"].map((address) => ({ name: address, address })));
  const [a, b, c] = table.pods().map(({ slot }) => slot);
  const slots = Int32Array.of(a ?? -1, b ?? -1, c ?? -1);
  return { table, slots, a: a ?? -1, b: b ?? -1 };
}

test("usablePods are those that answer and are not set aside", () => {
  const { table, slots, a, b } = rig();
  expect(usablePods(table)).toBe(3);
  table.reachable[a] = 0;
  expect(usablePods(table)).toBe(2);
  table.setAside[b] = 1;
  expect(usablePods(table)).toBe(1);
  expect(usableIn(table, { slots, size: 2 })).toBe(0);
});

test("toldIn counts the pods whose queue is known, an empty one too, among those of the list", () => {
  const { table, slots, a, b } = rig();
  expect(toldIn(table, { slots, size: 3 })).toBe(0);
  table.columns.waiting[a] = 0;
  table.columns.waiting[b] = 7;
  expect(toldIn(table, { slots, size: 3 })).toBe(2);
  expect(toldIn(table, { slots, size: 1 })).toBe(1);
});

test("leastWaitingIn is the shortest queue among the usable pods of the list, and unknown where none of them tells", () => {
  const { table, slots, a, b } = rig();
  expect(leastWaitingIn(table, { slots, size: 3 })).toBeNaN();
  table.columns.waiting[a] = 2;
  table.columns.waiting[b] = 7;
  expect(leastWaitingIn(table, { slots, size: 3 })).toBe(2);
  table.setAside[a] = 1;
  expect(leastWaitingIn(table, { slots, size: 3 })).toBe(7);
  table.reachable[b] = 0;
  expect(leastWaitingIn(table, { slots, size: 3 })).toBeNaN();
  expect(leastWaitingIn(table, { slots, size: 0 })).toBeNaN();
});

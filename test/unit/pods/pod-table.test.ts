import { describe, expect, test } from "vitest";
import { podColumnNames } from "../../../src/pods/columns.ts";
import { type Pod, type PodSpec, PodTable } from "../../../src/pods/pod-table.ts";

function specs(...ports: number[]): PodSpec[] {
  return ports.map((port) => ({ name: `pod-${port}`, address: `10.0.0.1:${port}` }));
}

function tableOf(...ports: number[]): PodTable {
  const table = new PodTable();
  table.reconcile(specs(...ports));
  return table;
}

function podOf(table: PodTable, port: number): Pod {
  const pod = table.byAddress(`10.0.0.1:${port}`);
  if (pod === undefined) throw new Error(`no pod ${port}`);
  return pod;
}

function livePorts(table: PodTable): string[] {
  return Array.from(table.live.subarray(0, table.size), (slot) => {
    const pod = table.pods().find((each) => each.slot === slot);
    return pod?.name ?? "none";
  });
}

describe("PodTable.reconcile", () => {
  test("gives every pod that joins a slot, unknown readings and nothing in flight", () => {
    const table = tableOf(1, 2);
    for (const pod of table.pods()) {
      expect(table.reachable[pod.slot]).toBe(1);
      for (const name of podColumnNames) {
        expect(table.columns[name][pod.slot], name).toBe(["inFlight", "pendingTokens"].includes(name) ? 0 : Number.NaN);
      }
    }
    expect(table.pods().map((pod) => pod.slot)).toEqual([0, 1]);
  });

  test("says who joined and who left", () => {
    const table = tableOf(1, 2);
    const { joined, left } = table.reconcile(specs(2, 3));
    expect(joined.map((pod) => pod.name)).toEqual(["pod-3"]);
    expect(left.map((pod) => pod.name)).toEqual(["pod-1"]);
  });

  test("keeps slot, generation and readings of a pod that stays", () => {
    const table = tableOf(1, 2, 3);
    const before = podOf(table, 2);
    table.columns.waiting[before.slot] = 7;
    table.reachable[before.slot] = 0;
    table.reconcile(specs(2, 4));
    expect(podOf(table, 2)).toBe(before);
    expect(table.columns.waiting[before.slot]).toBe(7);
    expect(table.reachable[before.slot]).toBe(0);
  });

  test("changes nothing when told the same again", () => {
    const table = tableOf(1, 2);
    expect(table.reconcile(specs(2, 1))).toEqual({ joined: [], left: [] });
    expect(livePorts(table)).toEqual(["pod-1", "pod-2"]);
  });

  test("takes an address that is named twice as one pod", () => {
    expect(tableOf(1, 1).size).toBe(1);
  });

  test("keeps the live slots dense and in the order of joining", () => {
    const table = tableOf(1, 2, 3, 4);
    table.reconcile(specs(1, 3, 4, 5));
    expect(table.size).toBe(4);
    expect(livePorts(table)).toEqual(["pod-1", "pod-3", "pod-4", "pod-5"]);
    table.reconcile([]);
    expect(table.size).toBe(0);
    expect(table.pods()).toEqual([]);
  });

  test("gives a freed slot to the next pod with a new generation and fresh columns", () => {
    const table = tableOf(1, 2);
    const old = podOf(table, 1);
    for (const name of podColumnNames) table.columns[name][old.slot] = 5;
    table.reachable[old.slot] = 0;
    table.reconcile(specs(2));
    expect(table.podAt(old.slot)).toBeUndefined();
    table.reconcile(specs(2, 3));
    const tenant = podOf(table, 3);
    expect(tenant.slot).toBe(old.slot);
    expect(tenant.generation).toBe(old.generation + 1);
    expect(table.podAt(old.slot)).toBe(tenant);
    expect(table.columns.inFlight[tenant.slot]).toBe(0);
    expect(table.columns.waiting[tenant.slot]).toBeNaN();
    expect(table.reachable[tenant.slot]).toBe(1);
  });

  test("gives a pod that comes back another generation", () => {
    const table = tableOf(1);
    const before = podOf(table, 1);
    table.reconcile([]);
    table.reconcile(specs(1));
    expect(table.isCurrent(before.slot, before.generation)).toBe(false);
    expect(table.isCurrent(before.slot, podOf(table, 1).generation)).toBe(true);
  });

  test("grows beyond its first capacity without losing a reading", () => {
    const table = tableOf(...Array.from({ length: 16 }, (_, i) => i + 1));
    const capacity = table.capacity;
    for (const pod of table.pods()) {
      table.columns.waiting[pod.slot] = pod.slot;
      table.reachable[pod.slot] = pod.slot % 2;
    }
    const before = table.pods();
    table.reconcile(specs(...Array.from({ length: 40 }, (_, i) => i + 1)));
    expect(table.size).toBe(40);
    expect(table.capacity).toBeGreaterThanOrEqual(40);
    expect(table.capacity).toBeGreaterThan(capacity);
    expect(Array.from(table.live.subarray(0, 40))).toEqual(Array.from({ length: 40 }, (_, slot) => slot));
    for (const pod of before) {
      expect(table.columns.waiting[pod.slot]).toBe(pod.slot);
      expect(table.reachable[pod.slot]).toBe(pod.slot % 2);
    }
    for (const name of podColumnNames) expect(table.columns[name].length).toBe(table.capacity);
    expect(table.columns.waiting[39]).toBeNaN();
    expect(table.reachable[39]).toBe(1);
  });
});

describe("PodTable", () => {
  test("tells every leave listener of a pod that left, after its slot is cleared", () => {
    const table = tableOf(1, 2);
    const leaver = podOf(table, 1);
    const told: unknown[] = [];
    table.onLeave((pod) => told.push(["first", pod, table.podAt(pod.slot), table.byAddress(pod.address)]));
    table.onLeave((pod) => told.push(["second", pod, table.isCurrent(pod.slot, pod.generation)]));
    table.reconcile(specs(2));
    expect(told).toEqual([
      ["first", leaver, undefined, undefined],
      ["second", leaver, false],
    ]);
  });

  test("knows no pod in a slot or at an address it never had", () => {
    const table = tableOf(1);
    expect(table.byAddress("10.0.0.9:1")).toBeUndefined();
    const { slot } = podOf(table, 1);
    table.reconcile([]);
    expect(table.podAt(slot)).toBeUndefined();
    expect(table.isCurrent(slot, 0)).toBe(false);
  });

  test("tells a pod's labels as they were last told, the pod staying the same", () => {
    const table = new PodTable();
    table.reconcile([{ name: "a", address: "10.0.0.1:1", labels: { role: "decode" } }]);
    const pod = podOf(table, 1);
    expect(pod.labels).toEqual({ role: "decode" });
    expect(table.reconcile([{ name: "a", address: "10.0.0.1:1", labels: { role: "prefill" } }])).toEqual({
      joined: [],
      left: [],
    });
    expect([podOf(table, 1), pod.labels]).toEqual([pod, { role: "prefill" }]);
  });

  test.each<[string, { name: string; uid?: string }]>([
    ["another uid", { name: "a", uid: "2" }],
    ["another name where no uid is told", { name: "b" }],
  ])("takes %s at a known address for another pod", (_, facts) => {
    const table = new PodTable();
    const before = { name: "a", address: "10.0.0.1:1", ...(facts.uid !== undefined && { uid: "1" }) };
    table.reconcile([before]);
    const pod = podOf(table, 1);
    table.columns.waiting[pod.slot] = 5;
    expect(table.reconcile([before])).toEqual({ joined: [], left: [] });
    const { joined, left } = table.reconcile([{ address: "10.0.0.1:1", ...facts }]);
    expect([left, joined.map(({ slot, generation }) => [slot, generation])]).toEqual([[pod], [[pod.slot, 2]]]);
    expect([table.columns.waiting[pod.slot], table.isCurrent(pod.slot, 1)]).toEqual([Number.NaN, false]);
  });
});

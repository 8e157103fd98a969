import { expect, test } from "vitest";
import { InFlight } from "../../../src/accounting/in-flight.ts";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";

function setUp() {
  let clock = 0;
  const table = new PodTable();
  const inFlight = new InFlight(table, () => clock);
  table.reconcile([{ name: "a", address: "a:1" }]);
  const pod = table.byAddress("a:1") as Pod;
  return {
    table,
    inFlight,
    pod,
    count: () => table.columns.inFlight[pod.slot],
    advance: (ms: number) => {
      clock += ms;
      return clock;
    },
  };
}

test("InFlight counts a ticket until it is closed, once", () => {
  const { inFlight, pod, count } = setUp();
  const [first] = [inFlight.open(pod), inFlight.open(pod)];
  expect([count(), inFlight.streaming]).toEqual([2, 2]);
  inFlight.close(first!);
  inFlight.close(first!);
  inFlight.estimate(first!);
  expect([count(), inFlight.streaming, inFlight.estimated]).toEqual([1, 1, 0]);
});

test("InFlight does not touch the slot's next tenant when a ticket of the last one closes", () => {
  const { table, inFlight, pod } = setUp();
  const [closed, estimated] = [inFlight.open(pod), inFlight.open(pod)];
  table.reconcile([{ name: "b", address: "b:1" }]);
  const next = table.byAddress("b:1") as Pod;
  expect(next.slot).toBe(pod.slot);
  inFlight.open(next);
  inFlight.close(closed);
  inFlight.estimate(estimated);
  expect(table.columns.inFlight[next.slot]).toBe(1);
  expect([inFlight.streaming, inFlight.estimated]).toEqual([1, 0]);
});

test("InFlight keeps an estimate until a later scrape shows fewer requests than believed", () => {
  const { inFlight, pod, count, advance } = setUp();
  for (let i = 0; i < 3; i++) inFlight.estimate(inFlight.open(pod));
  expect([count(), inFlight.streaming, inFlight.estimated]).toEqual([3, 0, 3]);
  inFlight.correct(pod.slot, 0, advance(100));
  expect(count()).toBe(3);
  inFlight.correct(pod.slot, Number.NaN, advance(1000));
  expect(count()).toBe(3);
  inFlight.correct(pod.slot, 2, advance(0));
  expect(count()).toBe(2);
  inFlight.correct(pod.slot, 0, advance(0));
  expect([count(), inFlight.estimated]).toEqual([0, 0]);
});

test("InFlight drops an estimate nobody corrects after a few typical lifetimes", () => {
  const { inFlight, pod, count, advance } = setUp();
  inFlight.estimate(inFlight.open(pod));
  advance(29_000);
  inFlight.expire();
  expect(count()).toBe(1);
  advance(2_000);
  inFlight.expire();
  expect([count(), inFlight.estimated]).toEqual([0, 0]);
});

test("InFlight learns the typical lifetime from the ends it sees", () => {
  const { inFlight, pod, count, advance } = setUp();
  for (let i = 0; i < 200; i++) {
    const ticket = inFlight.open(pod);
    advance(1_000);
    inFlight.close(ticket);
  }
  inFlight.estimate(inFlight.open(pod));
  advance(4_000);
  inFlight.expire();
  expect(count()).toBe(0);
});

test("InFlight expects no more reading from a pod that answered without having read the prompt", () => {
  const { table, inFlight, pod } = setUp();
  const ticket = inFlight.open(pod, 300);
  expect(table.columns.pendingTokens[pod.slot]).toBe(300);
  inFlight.promptUnread(ticket);
  inFlight.promptUnread(ticket);
  expect(table.columns.pendingTokens[pod.slot]).toBe(0);
  inFlight.close(ticket);
  inFlight.promptUnread(ticket);
  expect(table.columns.pendingTokens[pod.slot]).toBe(0);
});

test("InFlight forgets the estimates of a pod that left", () => {
  const { table, inFlight, pod } = setUp();
  inFlight.estimate(inFlight.open(pod));
  table.reconcile([]);
  expect(inFlight.estimated).toBe(0);
});

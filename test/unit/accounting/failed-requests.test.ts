import { expect, test } from "vitest";
import { FailedRequests } from "../../../src/accounting/failed-requests.ts";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";

function setUp() {
  const clock = { ms: 0 };
  const table = new PodTable();
  table.reconcile(["a", "b", "c"].map((name) => ({ name, address: `${name}:1` })));
  const [a, b, c] = table.pods() as [Pod, Pod, Pod];
  return { clock, table, a, b, c, requests: new FailedRequests(() => clock.ms) };
}

test("FailedRequests blames a request that fails on a second pod, from then on wherever it fails", () => {
  const { requests, a, b, c } = setUp();
  expect([a, a, a, b, c, a].map((pod) => requests.failed(7, pod))).toEqual([false, false, false, true, true, true]);
});

test("FailedRequests keeps requests apart, and blames none it cannot tell from others", () => {
  const { requests, a, b } = setUp();
  expect([requests.failed(7, a), requests.failed(8, b)]).toEqual([false, false]);
  expect([requests.failed(0, a), requests.failed(0, b)]).toEqual([false, false]);
});

test("FailedRequests blames no request that some pod has served since", () => {
  const { requests, a, b } = setUp();
  requests.failed(7, a);
  requests.served(8);
  requests.served(0);
  expect(requests.failed(7, b)).toBe(true);
  requests.served(7);
  expect(requests.failed(7, b)).toBe(false);
});

test("FailedRequests counts what failed elsewhere half a minute ago against the pod it goes on failing on", () => {
  const { requests, clock, a, b } = setUp();
  requests.failed(7, a);
  const blamed: boolean[] = [];
  for (clock.ms = 10_000; clock.ms <= 40_000; clock.ms += 10_000) blamed.push(requests.failed(7, b));
  expect(blamed).toEqual([true, true, false, false]);
});

test("FailedRequests takes the next pod at an address for another", () => {
  const { requests, table, a } = setUp();
  requests.failed(7, a);
  table.reconcile([]);
  const [next] = table.reconcile([{ name: "new", address: "a:1" }]).joined as [Pod];
  expect([requests.failed(7, next), requests.failed(9, next)]).toEqual([true, false]);
});

test("FailedRequests remembers a bounded number, the latest", () => {
  const { requests, a, b } = setUp();
  for (let fingerprint = 1; fingerprint <= 65; fingerprint++) requests.failed(fingerprint, a);
  expect([requests.failed(2, b), requests.failed(1, b)]).toEqual([true, false]);
});

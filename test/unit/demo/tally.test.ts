import { expect, test } from "vitest";
import { Tally } from "../../../src/demo/tally.ts";
import { goodAnswer } from "../../support/demo-answers.ts";

test("Tally counts times and cache shares over the answers that came", () => {
  const tally = new Tally();
  tally.add(goodAnswer("pod-1", 100, 1000, 0));
  tally.add(goodAnswer("pod-2", 300, 1000, 500));
  expect([tally.answered, tally.failed, tally.succeeded]).toEqual([2, 0, 2]);
  expect(tally.meanTtftMs).toBe(200);
  expect(tally.cachedShare).toBe(0.25);
  expect([tally.cachedShareOf("pod-1"), tally.cachedShareOf("pod-2")]).toEqual([0, 0.5]);
});

test("Tally leaves failed requests out of the times but counts where they went", () => {
  const tally = new Tally();
  tally.add(goodAnswer("pod-1", 100, 1000, 0));
  tally.add({ ...goodAnswer("pod-1", 9000, 1000, 1000), fault: "the answer broke off" });
  tally.add({ ...goodAnswer("pod-1", 9000, 0, 0), fault: "connect", pod: undefined });
  expect([tally.answered, tally.failed, tally.picksOf("pod-1")]).toEqual([3, 2, 2]);
  expect(tally.firstFault).toBe("the answer broke off");
  expect([tally.meanTtftMs, tally.cachedShare]).toEqual([100, 0]);
});

test("Tally.ttftMs is the nearest rank", () => {
  const tally = new Tally();
  for (const ms of [50, 10, 40, 20, 30]) tally.add(goodAnswer("pod-1", ms, 1, 0));
  expect([0, 0.2, 0.21, 0.5, 0.95, 1].map((share) => tally.ttftMs(share))).toEqual([10, 10, 20, 30, 50, 50]);
});

test("Tally without answers has no times", () => {
  const tally = new Tally();
  expect([tally.ttftMs(0.5), tally.meanTtftMs, tally.cachedShare, tally.cachedShareOf("pod-1")]).toEqual(
    Array(4).fill(Number.NaN),
  );
});

test("Tally with a limit keeps the times of the latest answers only", () => {
  const tally = new Tally(2);
  for (const ms of [1000, 10, 20]) tally.add(goodAnswer("pod-1", ms, 1, 0));
  expect([tally.answered, tally.ttftMs(1)]).toEqual([3, 20]);
});

import { describe, expect, test } from "vitest";
import { RealClock, VirtualClock } from "../../../src/engine-model/clock.ts";
import { HandTimers } from "../../support/hand-timers.ts";

describe("VirtualClock", () => {
  test("runs events by due time, and in the order of scheduling when due together", () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${clock.now()}`);
    clock.schedule(5, note("late"));
    clock.schedule(2, note("first"));
    clock.schedule(2, note("second"));
    clock.schedule(0, () => clock.schedule(3, note("nested")));
    clock.runUntilIdle();
    expect(seen).toEqual(["first@2", "second@2", "nested@3", "late@5"]);
  });

  test("skips a cancelled event", () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const cancel = clock.schedule(1, () => seen.push(1));
    clock.schedule(2, () => seen.push(2));
    cancel();
    clock.runUntilIdle();
    expect(seen).toEqual([2]);
  });

  test("runUntil runs what is due up to the limit and stands there", () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    for (const due of [1, 4, 5]) clock.schedule(due, () => seen.push(due));
    clock.runUntil(4);
    expect([seen, clock.now()]).toEqual([[1, 4], 4]);
    clock.runUntil(4.5);
    expect([seen, clock.now()]).toEqual([[1, 4], 4.5]);
  });

  test("keeps order over many events in scrambled order", () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    for (let index = 0; index < 1000; index++) {
      const due = (index * 7919) % 1009;
      clock.schedule(due, () => seen.push(due));
    }
    clock.runUntilIdle();
    expect(seen).toHaveLength(1000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});

describe("RealClock", () => {
  test("counts model time from its start, sped up", () => {
    const timers = new HandTimers(1000);
    const clock = new RealClock(10, timers);
    timers.pass(3);
    expect(clock.now()).toBe(30);
  });

  test("sets a timer for the wall time of the next event only", () => {
    const timers = new HandTimers();
    const clock = new RealClock(10, timers);
    const seen: number[] = [];
    clock.schedule(50, () => seen.push(50));
    clock.schedule(20, () => seen.push(20));
    expect(timers.pending).toBe(1);
    timers.fireNext();
    expect([timers.now(), seen]).toEqual([2, [20]]);
    timers.fireNext();
    expect([timers.now(), seen]).toEqual([5, [20, 50]]);
  });

  test("does not add up the lateness of timers over a chain of events", () => {
    const timers = new HandTimers();
    const clock = new RealClock(1, timers);
    const seen: number[] = [];
    const step = (): void => {
      seen.push(clock.now());
      if (seen.length < 5) clock.schedule(8, step);
    };
    clock.schedule(8, step);
    while (timers.fireNext(1.5));
    expect(seen).toEqual([8, 16, 24, 32, 40]);
  });

  test("catches up with everything that fell due while the event loop was busy", () => {
    const timers = new HandTimers();
    const clock = new RealClock(1, timers);
    const seen: number[] = [];
    const step = (): void => {
      seen.push(clock.now());
      clock.schedule(10, step);
    };
    clock.schedule(10, step);
    timers.pass(35);
    timers.fireNext();
    expect(seen).toEqual([10, 20, 30]);
  });

  test("never runs backwards for those who looked before a late event", () => {
    const timers = new HandTimers();
    const clock = new RealClock(1, timers);
    let seen = Number.NaN;
    clock.schedule(10, () => {
      seen = clock.now();
    });
    timers.pass(12);
    expect(clock.now()).toBe(12);
    timers.fireNext();
    expect(seen).toBe(12);
  });

  test("goes on after an event that throws", () => {
    const timers = new HandTimers();
    const clock = new RealClock(1, timers);
    let ran = false;
    clock.schedule(1, () => {
      throw new Error("broken listener");
    });
    clock.schedule(2, () => {
      ran = true;
    });
    expect(() => timers.fireNext()).toThrow("broken listener");
    timers.fireNext();
    expect(ran).toBe(true);
  });

  test("stop forgets events and timers", () => {
    const timers = new HandTimers();
    const clock = new RealClock(1, timers);
    clock.schedule(1, () => expect.unreachable());
    clock.stop();
    expect(timers.pending).toBe(0);
  });

  test("refuses a speed that stands still", () => {
    expect(() => new RealClock(0)).toThrow("speed must be above 0");
  });
});

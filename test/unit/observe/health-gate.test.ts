/** When a picker says that it wants requests: with all sources, after a while with some pods, never in a drain. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HealthGate } from "../../../src/observe/health-gate.ts";
import type { ReadinessFacts } from "../../../src/observe/readiness.ts";

let nowMs = 0;
const source = { name: "file", known: true, problem: "", ageMs: 0 } as unknown as ReadinessFacts["sources"][number];
const facts = (some: Partial<ReadinessFacts> = {}): ReadinessFacts =>
  ({
    started: true,
    draining: false,
    openStreams: 0,
    pods: 1,
    usable: 1,
    sources: [source],
    ...some,
  }) as ReadinessFacts;

describe("HealthGate", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    nowMs = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const opened = (told: () => ReadinessFacts) => {
    const open = vi.fn();
    const gate = new HealthGate(told, open, () => nowMs);
    gate.start();
    return { open, gate };
  };
  const pass = (ms: number) => {
    nowMs += ms;
    vi.advanceTimersByTime(ms);
  };

  test("opens at once where every source has told its pods, and looks no further", () => {
    const { open } = opened(() => facts());
    pass(1_000);
    expect(open).toHaveBeenCalledTimes(1);
  });

  test("opens when the last source has told", () => {
    let isKnown = false;
    const { open } = opened(() => facts({ sources: [source, { ...source, known: isKnown }] }));
    pass(1_000);
    expect(open).not.toHaveBeenCalled();
    isKnown = true;
    pass(200);
    expect(open).toHaveBeenCalledTimes(1);
  });

  test.each([
    ["opens half a minute later with the pods of the others", 1, 1],
    ["stays shut where nobody knows a pod", 0, 0],
  ])("where a source never tells %s", (_, pods, times) => {
    const { open } = opened(() => facts({ pods, sources: [source, { ...source, known: false }] }));
    pass(29_000);
    expect(open).not.toHaveBeenCalled();
    pass(2_000);
    expect(open).toHaveBeenCalledTimes(times);
  });

  test("stays shut in a drain, and once stopped", () => {
    const draining = opened(() => facts({ draining: true }));
    pass(60_000);
    expect(draining.open).not.toHaveBeenCalled();
    let isKnown = false;
    const { open, gate } = opened(() => facts({ sources: [{ ...source, known: isKnown }] }));
    gate.stop();
    isKnown = true;
    pass(1_000);
    expect(open).not.toHaveBeenCalled();
  });
});

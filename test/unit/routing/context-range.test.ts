import { describe, expect, test } from "vitest";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { ContextLabel, fitOf, parseContextRange } from "../../../src/routing/context-range.ts";

describe("parseContextRange", () => {
  test.each([
    ["0-2048", { min: 0, max: 2048 }],
    [" 8 - 8 ", { min: 8, max: 8 }],
  ])("reads %j", (text, range) => expect(parseContextRange(text)).toEqual(range));

  test.each(["", "5", "9-8", "-1-5", "1-2-3", "a-b"])("refuses %j", (text) => {
    expect(parseContextRange(text)).toBeUndefined();
  });
});

describe("fitOf", () => {
  // 0.3 + 0.7 * (0.7 / (1 + width / 10000) + 0.3 * (max - tokens) / width)
  test.each([
    [0, 0, 10_000, 0.3 + 0.7 * (0.35 + 0.3)],
    [10_000, 0, 10_000, 0.3 + 0.7 * 0.35],
    [5_000, 0, 10_000, 0.3 + 0.7 * (0.35 + 0.15)],
    [7, 7, 7, 1],
    // 0.3 / (1 + distance / 1000)
    [3_000, 0, 2_000, 0.15],
    [1_000, 4_000, 5_000, 0.075],
  ])("of %d tokens in %d-%d", (tokens, min, max, expected) => {
    expect(fitOf(tokens, { min, max })).toBeCloseTo(expected, 12);
  });

  test("is above 0.3 within any range and at most 0.3 outside", () => {
    expect(fitOf(2_000_000, { min: 0, max: 2_000_000 })).toBeGreaterThan(0.3);
    expect(fitOf(101, { min: 0, max: 100 })).toBeLessThan(0.3);
  });
});

describe("ContextLabel", () => {
  const spec = (labels?: Readonly<Record<string, string>>) => [
    { name: "a", address: "10.0.0.1:1", ...(labels && { labels }) },
  ];

  test("follows a label that changes, is wrong, or goes", () => {
    const table = new PodTable();
    table.reconcile(spec({ range: "0-0" }));
    const [pod] = table.pods();
    if (pod === undefined) throw new Error("no pod");
    const label = new ContextLabel("range");
    expect([label.fit(pod, 0), label.allows(pod, 0), label.allows(pod, 1)]).toEqual([1, true, false]);
    table.reconcile(spec({ range: "wide" }));
    expect([label.fit(pod, 0), label.allows(pod, 0)]).toEqual([0, false]);
    table.reconcile(spec());
    expect([label.fit(pod, 0), label.allows(pod, 0)]).toEqual([0.5, true]);
  });
});

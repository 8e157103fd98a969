import { expect, test } from "vitest";
import { Tally } from "../../../src/demo/tally.ts";
import { type FleetResult, writeComparison } from "../../../src/demo/write-comparison.ts";
import { goodAnswer } from "../../support/demo-answers.ts";

const pods = ["pod-1", "pod-2"];

/** Two answers with these times; the second fails where its time is NaN. */
function result(ttftsMs: readonly number[], cachedTokens: number): FleetResult {
  const tally = new Tally();
  for (const [index, ms] of ttftsMs.entries()) {
    const answer = goodAnswer(pods[index % 2] ?? "", ms, 1000, cachedTokens);
    tally.add(Number.isNaN(ms) ? { ...answer, fault: "HTTP 503: no pod" } : answer);
  }
  return { tally, requests: ttftsMs.length, pods };
}

const compare = (roundRobin: FleetResult, picker: FleetResult) =>
  writeComparison({ roundRobin, picker, envoyVersion: "1.40.0", seed: 9 });

test("writeComparison names versions, counts, picks and the gain", () => {
  expect(compare(result([600, 1060], 330), result([300, 510], 710))).toEqual([
    "The same 2 requests (seed 9), through Envoy 1.40.0,",
    "to two equal fleets of 2 simulated pods:",
    "",
    "                 succeeded   TTFT mean         p50         p95  from cache",
    "  round robin       2 of 2      0.83 s      0.60 s      1.06 s        33 %",
    "  pointsman         2 of 2      0.41 s      0.30 s      0.51 s        71 %",
    "",
    "  picks per pod: round robin 1/1, pointsman 1/1",
    "",
    "Behind the picker the first token came after 0.41 s on average,",
    "behind round robin after 0.83 s: 51 % sooner.",
    "Of the prompt tokens 71 % came from a pod's cache instead of 33 %.",
  ]);
});

test("writeComparison says so when the picker is slower", () => {
  const words = compare(result([100, 100], 330), result([150, 150], 330)).join(" ");
  expect(words).toContain("behind round robin after 0.10 s: 50 % later, so no gain in this run.");
  expect(words).toContain("The slowest twentieth waited longer, though: 0.15 s instead of 0.10 s.");
});

test("writeComparison calls a small difference none", () => {
  expect(compare(result([100, 100], 0), result([101, 101], 0)).join(" ")).toContain("no difference to speak of");
});

test("writeComparison admits a slower tail beside a better mean", () => {
  const words = compare(result([300, 300], 0), result([20, 400], 0)).join(" ");
  expect(words).toContain("30 % sooner");
  expect(words).toContain("The slowest twentieth waited longer, though: 0.40 s instead of 0.30 s.");
});

test("writeComparison tells of failed requests and their cause", () => {
  const lines = compare(result([100, 100], 0), result([100, Number.NaN], 0));
  expect(lines.join("\n")).toContain("  pointsman         1 of 2");
  expect(lines).toContain("Behind the picker 1 of 2 requests failed: HTTP 503: no pod.");
});

test("writeComparison compares nothing when a fleet answered nothing", () => {
  const lines = compare(result([100, 100], 0), result([Number.NaN, Number.NaN], 0));
  expect(lines.at(-1)).toBe("There is nothing to compare: a fleet answered nothing.");
  expect(lines.join("\n")).not.toContain("NaN");
});

test("writeComparison fits 80 columns", () => {
  for (const line of compare(result([60_000, 70_000], 330), result([59_000, 80_000], 710)))
    expect(line.length).toBeLessThanOrEqual(80);
});

import { describe, expect, test } from "vitest";
import { builtInScorers } from "../../../scorers/index.ts";
import type { ColumnName } from "../../../src/pods/columns.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { type OptionValues, withDefaults } from "../../../src/routing/option-values.ts";
import type { Candidates, Scorer } from "../../../src/scorer.ts";

type Readings = Partial<Record<ColumnName, readonly number[]>>;

/** What the scorer gives pods with these readings; `promptTokens` is the length of the request's prompt. */
function scoresOf(scorer: Scorer, readings: Readings, options: OptionValues = {}, promptTokens = 0): number[] {
  const columns = Object.entries(readings).map(([name, values]) => [name, Float64Array.from(values)] as const);
  const size = columns[0]?.[1].length ?? 0;
  const pods = { ...Object.fromEntries(columns), size } as Candidates<ColumnName>;
  const scores = new Float64Array(size);
  scorer.build(withDefaults(scorer.options, options))(pods, scores, {
    ...bodylessRequest,
    promptBytes: promptTokens * 4,
  });
  return [...scores];
}

function named(name: string): Scorer {
  const found = builtInScorers.find((scorer) => scorer.name === name);
  if (found === undefined) throw new Error(`no scorer ${name}`);
  return found;
}

/** One formula: what the pods read, and what that is worth, worked out by hand. */
interface Table {
  readonly title: string;
  readonly readings: Readings;
  readonly options?: OptionValues;
  readonly promptTokens?: number;
  readonly expected: readonly number[];
}

const { NaN: unknown } = Number;

/** Those the Go picker has, by its formulas. */
const tables: Readonly<Record<string, readonly Table[]>> = {
  // (max - q) / (max - min)
  "queue-depth": [
    { title: "spreads 2..12 by tenths", readings: { waiting: [2, 4, 7, 12] }, expected: [1, 0.8, 0.5, 0] },
    { title: "gives equal queues 1", readings: { waiting: [6, 6, 6] }, expected: [1, 1, 1] },
    { title: "gives one pod 1", readings: { waiting: [900] }, expected: [1] },
    { title: "gives idle and full pool its ends", readings: { waiting: [0, 128] }, expected: [1, 0] },
    { title: "gives an unknown queue the mean", readings: { waiting: [0, unknown, 4] }, expected: [1, 0.5, 0] },
  ],
  // (max - r) / (max - min)
  "running-requests": [
    { title: "spreads 0..256", readings: { running: [0, 64, 192, 256] }, expected: [1, 0.75, 0.25, 0] },
    { title: "gives equal batches 1", readings: { running: [3, 3] }, expected: [1, 1] },
  ],
  // 0.5 * (1 - min(q, T) / T)
  "load-aware": [
    { title: "falls from a half to 0", readings: { waiting: [0, 32, 64, 128] }, expected: [0.5, 0.375, 0.25, 0] },
    {
      title: "is 0 from the threshold on",
      readings: { waiting: [4, 5, 900] },
      options: { threshold: 5 },
      expected: [0.1, 0, 0],
    },
    { title: "gives an unknown queue the mean", readings: { waiting: [0, unknown, 128] }, expected: [0.5, 0.25, 0] },
  ],
  // 1 from the threshold on; all the same where nobody reaches it, or the wait is (tokens / rate) longer than the penalty
  "prefix-affinity": [
    {
      title: "parts those above the threshold from the others",
      readings: { prefixHit: [0.8, 0.79, 1], pendingTokens: [0, 0, 0] },
      expected: [1, 0, 1],
    },
    {
      title: "makes no difference where nobody has so much",
      readings: { prefixHit: [0.5, 0], pendingTokens: [0, 9] },
      expected: [1, 1],
    },
    {
      title: "holds on while the wait is no longer than the penalty",
      readings: { prefixHit: [1, 0, 0], pendingTokens: [1300, 100, 500] },
      options: { tokensPerSecond: 1000, penaltyMs: 1200 },
      expected: [1, 0, 0],
    },
    {
      title: "lets go once it is longer",
      readings: { prefixHit: [1, 0, 0], pendingTokens: [1301, 100, 500] },
      options: { tokensPerSecond: 1000, penaltyMs: 1200 },
      expected: [1, 1, 1],
    },
    {
      title: "measures the least busy of each side",
      readings: { prefixHit: [1, 1, 0], pendingTokens: [9000, 1000, 0] },
      options: { tokensPerSecond: 1000, penaltyMs: 1200 },
      expected: [1, 1, 0],
    },
    {
      title: "never lets go without a penalty",
      readings: { prefixHit: [1, 0], pendingTokens: [1e9, 0] },
      options: { penaltyMs: 0 },
      expected: [1, 0],
    },
  ],
  "header-label": [{ title: "is the match", readings: { headerMatch: [0, 1, 0] }, expected: [0, 1, 0] }],
  "context-length": [{ title: "is the fit", readings: { lengthFit: [0.5, 0.3, 1] }, expected: [0.5, 0.3, 1] }],
  // 1 - kv
  "kv-cache": [
    { title: "is what is free", readings: { kvUsage: [0, 0.25, 0.875, 1] }, expected: [1, 0.75, 0.125, 0] },
    { title: "does not stretch a narrow range", readings: { kvUsage: [0.5, 0.5] }, expected: [0.5, 0.5] },
  ],
  // hits / total, and w * min(1, hit tokens / scale)^2 beside it
  "prefix-cache": [
    { title: "is the cached share", readings: { prefixHit: [0, 0.25, 1] }, promptTokens: 400, expected: [0, 0.25, 1] },
    {
      title: "squares the match's length: 0.5 * (2048 / 8192)^2 + 0.5 * 0.25, and with 8192 tokens all of it",
      readings: { prefixHit: [0.25, 1] },
      options: { matchLengthWeight: 0.5 },
      promptTokens: 8192,
      expected: [0.5 * 0.0625 + 0.125, 1],
    },
    {
      title: "counts no length beyond the scale: 1000 tokens of 4000 on a scale of 500",
      readings: { prefixHit: [0.25] },
      options: { matchLengthWeight: 1, matchLengthScaleTokens: 500 },
      promptTokens: 4000,
      expected: [1],
    },
    { title: "is 0 without a prompt", readings: { prefixHit: [0, 0] }, expected: [0, 0] },
  ],
  // loaded 1, room 0.8, waiting 0.6, none 0
  "lora-affinity": [
    { title: "grades the states", readings: { adapterState: [3, 2, 1, 0] }, expected: [1, 0.8, 0.6, 0] },
    { title: "gives an unknown state the mean", readings: { adapterState: [3, 0, unknown] }, expected: [1, 0, 0.5] },
  ],
  // n <= idle: 1, else (max - n) / max * maxBusy
  "in-flight": [
    { title: "is 1 idle, else by the busiest", readings: { inFlight: [0, 1, 5, 10] }, expected: [1, 0.9, 0.5, 0] },
    {
      title: "takes few requests for none, and caps the busy",
      readings: { inFlight: [2, 3, 6, 12] },
      options: { idleThreshold: 2, maxBusyScore: 0.4 },
      expected: [1, 0.3, 0.2, 0],
    },
    { title: "gives an idle pool 1", readings: { inFlight: [0, 0] }, expected: [1, 1] },
  ],
  // 1 - min(t, T) / T with t = tokens on their way + uncached tokens of this request
  "token-load": [
    {
      title: "adds the request's own uncached tokens: 1000 + 4000 * 0.75 = 4000 of 16000",
      readings: { pendingTokens: [1000, 12_000, 0], prefixHit: [0.25, 0, 1] },
      options: { thresholdTokens: 16_000 },
      promptTokens: 4000,
      expected: [0.75, 0, 1],
    },
    {
      title: "is 0 at the threshold and beyond",
      readings: { pendingTokens: [4_194_304, 9_000_000, 2_097_152], prefixHit: [0, 0, 0] },
      expected: [0, 0, 0.5],
    },
  ],
  // cold: 1 - turn / (n - 1); warm: 0.5
  "no-hit-lru": [
    {
      title: "goes by turns while nobody has the prompt",
      readings: { prefixHit: [0, 0, 0, 0, 0], coldRank: [3, 0, 1, 4, 2] },
      expected: [0.25, 1, 0.75, 0, 0.5],
    },
    {
      title: "is out of it as soon as one pod has a part",
      readings: { prefixHit: [0, 0.01, 0], coldRank: [0, 1, 2] },
      expected: [0.5, 0.5, 0.5],
    },
    { title: "gives one pod 1", readings: { prefixHit: [0], coldRank: [0] }, expected: [1] },
  ],
  "session-affinity": [
    { title: "is 1 for the session's pod", readings: { sessionMatch: [0, 1, 0] }, expected: [0, 1, 0] },
    { title: "is 0 for all without a session", readings: { sessionMatch: [0, 0] }, expected: [0, 0] },
  ],
  capacity: [
    { title: "is the share of the largest", readings: { capacity: [8, 4, 2, 0] }, expected: [1, 0.5, 0.25, 0] },
    { title: "gives equals 1, and also nothing at all", readings: { capacity: [0, 0] }, expected: [1, 1] },
  ],
  // 0.8 * (max - ttft) / (max - min) + 0.2 * the same of tpot
  latency: [
    {
      title: "weighs both times",
      readings: { ttft: [1, 3, 2], tpot: [0.04, 0.02, 0.03] },
      expected: [0.8, 0.2, 0.5],
    },
    {
      title: "goes by the time that is known alone",
      readings: { ttft: [1, 3, 2], tpot: [unknown, unknown, unknown] },
      expected: [1, 0, 0.5],
    },
    {
      title: "knows nothing of a pod that lacks a time others have",
      readings: { ttft: [1, 3, 1], tpot: [0.02, 0.02, unknown] },
      expected: [1, 0.2, 0.6],
    },
    {
      title: "counts what it is told to count",
      readings: { ttft: [1, 3], tpot: [0.04, 0.02] },
      options: { ttftWeight: 0, tpotWeight: 2 },
      expected: [0, 1],
    },
  ],
};

describe.each(Object.keys(tables))("%s", (name) => {
  test.each(tables[name] ?? [])("$title", ({ readings, options, promptTokens, expected }) => {
    const scores = scoresOf(named(name), readings, options, promptTokens);
    expect(scores.length).toBe(expected.length);
    for (const [row, score] of scores.entries()) expect(score).toBeCloseTo(expected[row] ?? unknown, 12);
  });
});

test("every built-in scorer has a table", () => {
  expect(builtInScorers.map(({ name }) => name).sort()).toEqual(Object.keys(tables).sort());
});

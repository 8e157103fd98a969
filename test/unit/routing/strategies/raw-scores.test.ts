import { describe, expect, test } from "vitest";
import type { ColumnName } from "../../../../src/pods/columns.ts";
import { bodylessRequest } from "../../../../src/request/inference-request.ts";
import * as rawScores from "../../../../src/routing/strategies/raw-scores.ts";
import type { Candidates, Scorer } from "../../../../src/scorer.ts";

type Readings = Partial<Record<ColumnName, readonly number[]>>;

const scorers: Readonly<Record<string, Scorer>> = rawScores;
const { NaN: unknown } = Number;

function scoresOf(name: string, readings: Readings): number[] {
  const columns = Object.entries(readings).map(([column, values]) => [column, Float64Array.from(values)] as const);
  const size = columns[0]?.[1].length ?? 0;
  const scores = new Float64Array(size);
  const pods = { ...Object.fromEntries(columns), size } as Candidates<ColumnName>;
  scorers[name]?.build({})(pods, scores, bodylessRequest);
  return [...scores];
}

/** What the pods read, and AIBrix's scores for it, worked out by hand: (max - raw) / (max - min). */
const tables: readonly (readonly [name: string, title: string, Readings, readonly number[]])[] = [
  ["leastRequest", "is our own count", { inFlight: [10, 2, 6] }, [0, 1, 0.5]],
  [
    "throughput",
    "counts a prompt token twice: 210, 60, 110",
    { meanPromptTokens: [100, 5, 30], meanGenerationTokens: [10, 50, 50] },
    [0, 1, 2 / 3],
  ],
  [
    "throughput",
    "does not score a pod that lacks either: -, 60, -, 110",
    { meanPromptTokens: [100, 5, unknown, 30], meanGenerationTokens: [unknown, 50, 50, 50] },
    [0, 1, 0, 0],
  ],
  // Guesses: (100 + 300) / 2 = 200 prompt tokens, (50 + 150) / 2 = 100 generated ones.
  // One: 0.5 + 1 / 100 * 200 + 2 / 50 * 100 = 6.5. Other: 1 + 3 / 300 * 200 + 3 / 150 * 100 = 5.
  [
    "leastLatency",
    "is the queue's time and the times for the mean request: 6.5, 5",
    {
      queueSeconds: [0.5, 1],
      prefillSeconds: [1, 3],
      decodeSeconds: [2, 3],
      meanPromptTokens: [100, 300],
      meanGenerationTokens: [50, 150],
    },
    [0, 1],
  ],
  // No pod has tokens: 10 and 100 are the guesses and the pods' own means alike. 1 + 2 + 3 = 6; 0 + 2 + 3.5 = 5.5; 5.
  [
    "leastLatency",
    "takes a pod without tokens for one of the guessed length: 6, 5.5, 5",
    {
      queueSeconds: [1, 0, 0],
      prefillSeconds: [2, 2, 2],
      decodeSeconds: [3, 3.5, 3],
      meanPromptTokens: [0, 0, 0],
      meanGenerationTokens: [0, 0, 0],
    },
    [0, 0.5, 1],
  ],
  // Guess 40 of the second alone. First: 0 + 4 / 40 * 40 + 0 = 4. Second: 0 + 8 / 40 * 40 = 8. Third tells no times.
  [
    "leastLatency",
    "does not score a pod that lacks a time, nor one that tells nothing of tokens: 4, 8, -, -",
    {
      queueSeconds: [0, 0, unknown, 0],
      prefillSeconds: [4, 8, 1, 1],
      decodeSeconds: [0, 0, 0, 0],
      meanPromptTokens: [0, 40, unknown, unknown],
      meanGenerationTokens: [1, 1, 1, 1],
    },
    [1, 0, 0, 0],
  ],
  [
    "leastKvCache",
    "adds both caches, and needs both: 0.9, 0.5, -, 0.6",
    { kvUsage: [0.4, 0.5, 0, 0.1], cpuCacheUsage: [0.5, 0, unknown, 0.5] },
    [0, 1, 0, 0.75],
  ],
  ["leastGpuCache", "is the KV cache", { kvUsage: [0.2, 1, unknown, 0.6] }, [1, 0, 0, 0.5]],
  ["leastBusyTime", "is the GPU's busy share", { gpuBusyRatio: [0.9, 0.1, 0.5] }, [0, 1, 0.5]],
  ["leastUtilization", "is the engine's word", { engineUtilization: [0.3, 0.3, unknown] }, [1, 1, 0]],
  ["sessionMatch", "is 1 for the session's pod", { sessionMatch: [0, 1, 0] }, [0, 1, 0]],
  ["sessionMatch", "makes all alike without a session", { sessionMatch: [0, 0] }, [1, 1]],
  ["prefixMatch", "is the match", { prefixHit: [0.25, 0.75, 0.5] }, [0, 1, 0.5]],
  ["prefixMatch", "makes all alike where nobody has any", { prefixHit: [0, 0] }, [1, 1]],
];

describe("a strategy's score", () => {
  test.each(tables)("of %s %s", (name, _, readings, expected) => {
    expect(scoresOf(name, readings)).toEqual(expected.map((each) => expect.closeTo(each, 12)));
  });

  test("is tried for every strategy", () => {
    expect(new Set(tables.map(([name]) => name))).toEqual(new Set(Object.keys(scorers)));
  });
});

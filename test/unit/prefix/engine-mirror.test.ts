/** What the index predicts against what the model of an engine counts, over long replays on virtual time. */
import { describe, expect, test } from "vitest";
import { PrefixIndex } from "../../../src/prefix/prefix-index.ts";
import { CacheReplay, type ReplayOptions, type ReplayResult } from "../../support/cache-replay.ts";

const trace: ReplayOptions = {
  seed: 1,
  requests: 5000,
  pods: 4,
  blockTokens: 16,
  kvTokens: 60_000,
  requestsPerSecond: 12,
};
/** A replay takes seconds of CPU, and the machine may be busy. */
const timeout = 60_000;

function replay(changes: Partial<ReplayOptions>): ReplayResult {
  const options = { ...trace, ...changes };
  return new CacheReplay(options, (pods) => new PrefixIndex({ budgetBytes: 64 * 2 ** 20, pods })).run();
}

describe("PrefixIndex over 5,000 requests with evictions", () => {
  test.each<[string, Partial<ReplayOptions>]>([
    ["as traces tell them", {}],
    ["to full queues, in blocks of 64 tokens", { blockTokens: 64, requestsPerSecond: 40, seed: 2 }],
    ["whose answers come back in the next turn", { answersReturn: true, seed: 3 }],
  ])("predicts hits within 2 points of the engines' counters: requests %s", { timeout }, (_, changes) => {
    const { predicted, counted, evictions, pinned } = replay(changes);
    expect(Math.abs(predicted - counted)).toBeLessThan(2);
    expect(counted).toBeGreaterThan(25);
    expect(evictions).toBeGreaterThan(100_000 / ((changes.blockTokens ?? 16) / 16));
    expect(pinned).toBe(0);
  });

  test.each([4, 5])("predicts hits within 4 points with restarts and aborts, seed %d", { timeout }, (seed) => {
    const { predicted, counted, pinned, aborted, restarts } = replay({ aborted: 0.3, restarts: 0.005, seed });
    expect(Math.abs(predicted - counted)).toBeLessThan(4);
    expect(aborted).toBeGreaterThan(400);
    expect(restarts).toBeGreaterThan(10);
    expect(pinned).toBe(0);
  });

  test("is further off where the pods do not tell how much they hold", { timeout }, () => {
    const { predicted, counted } = replay({ requests: 2000, tellsSize: false });
    expect(predicted - counted).toBeGreaterThan(4);
  });
});

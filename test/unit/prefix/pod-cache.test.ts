import { describe, expect, test } from "vitest";
import type { Slot } from "../../../src/pods/pod-table.ts";
import { podCacheOf, unknownCache } from "../../../src/prefix/pod-cache.ts";
import { PrefixIndex } from "../../../src/prefix/prefix-index.ts";
import { keysOf } from "../../support/block-key-trees.ts";

const always = { isCurrent: () => true };

describe("podCacheOf", () => {
  test.each([
    [16, 25_000, 0, 25_000],
    [32, 25_000, 1, 25_000],
    [256, 100, 4, 100],
    [1, 400_000, 0, 25_000],
    [8, 1000, 0, 500],
    [544, 1000, 5, 1062],
    [1_000_000, 3, 8, 732],
    [16, 0.5, 0, 1],
  ])("of %d tokens x %d blocks is grain and capacity %d, %d", (blockTokens, blocks, grain, capacity) => {
    expect(podCacheOf({ blockTokens, blocks }, 31_250)).toEqual({ grain, capacity });
  });

  test("takes the number of blocks from the default where only their size is known, and knows nothing without it", () => {
    expect(podCacheOf({ blockTokens: 64, blocks: Number.NaN }, 31_250)).toEqual({ grain: 2, capacity: 7813 });
    expect(podCacheOf({ blockTokens: Number.NaN, blocks: 100 }, 31_250)).toBeUndefined();
    expect(podCacheOf({}, 31_250)).toBeUndefined();
    expect(unknownCache(0, Number.POSITIVE_INFINITY).capacity).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("PrefixIndex.resize", () => {
  const letters = "abcdefghijklmnopqrstuvwxyz";

  function hitBlocks(index: PrefixIndex, prompt: string, count: number): number[] {
    const keys = keysOf([...prompt]);
    const out = new Float64Array(count);
    index.match(
      keys,
      Int32Array.from({ length: count }, (_, slot) => slot),
      count,
      out,
    );
    return [...out].map((share) => Math.round((share * keys.totalBytes) / 64));
  }

  function serve(index: PrefixIndex, prompt: string, slot: number): void {
    index.release(index.record(keysOf([...prompt]), slot as Slot, 1));
  }

  test("sets a pod's room before its first pick and after, larger or smaller", () => {
    const index = new PrefixIndex({ budgetBytes: 2 ** 20, pods: always });
    index.resize(0 as Slot, 1, { blockTokens: 16, blocks: 4 });
    serve(index, letters, 0);
    expect(hitBlocks(index, letters, 1)).toEqual([4]);
    index.resize(0 as Slot, 1, { blockTokens: 16, blocks: 20 });
    serve(index, letters, 0);
    expect(hitBlocks(index, letters, 1)).toEqual([20]);
    index.resize(0 as Slot, 1, { blockTokens: 16, blocks: 6 });
    // One more prompt than the pod is to hold, as each block that comes takes no more than two away.
    for (const prompt of letters) serve(index, prompt, 0);
    expect(index.entries).toBe(6);
    expect(index.pinned).toBe(0);
  });

  test("serves pods with blocks of several sizes from one prompt's keys, each in blocks of its own", () => {
    const index = new PrefixIndex({ budgetBytes: 2 ** 20, pods: always });
    index.resize(0 as Slot, 1, { blockTokens: 16, blocks: 99 });
    index.resize(1 as Slot, 1, { blockTokens: 64, blocks: 99 });
    index.resize(2 as Slot, 1, { blockTokens: 32, blocks: 99 });
    expect(index.blockBytes).toBe(64);
    for (const slot of [0, 1, 2]) serve(index, letters.slice(0, 11), slot);
    expect(index.entries).toBe(11 + 2 + 5);
    expect(hitBlocks(index, letters, 3)).toEqual([11, 8, 10]);
    expect(hitBlocks(index, letters.slice(0, 7), 3)).toEqual([7, 4, 6]);
    expect(hitBlocks(index, "abc", 3)).toEqual([3, 0, 2]);
  });

  test("lets prompts be hashed in the finest blocks in use, by told and by unknown pods", () => {
    const index = new PrefixIndex({ budgetBytes: 2 ** 20, pods: always });
    expect(index.blockBytes).toBe(64);
    index.resize(0 as Slot, 1, { blockTokens: 256 });
    expect(index.blockBytes).toBe(1024);
    index.resize(1 as Slot, 1, { blockTokens: 64 });
    expect(index.blockBytes).toBe(256);
    index.record(keysOf(["a", "b"], 256), 2 as Slot, 1);
    expect(index.entries).toBe(2);
    index.forgetPod(1 as Slot);
    expect(index.blockBytes).toBe(256);
    index.forgetPod(2 as Slot);
    expect(index.blockBytes).toBe(1024);
    expect(index.record(keysOf(["a", "b"], 2048), 0 as Slot, 1)).toBeUndefined();
  });

  test("drops what a pod held in blocks of another size, pins and all", () => {
    const index = new PrefixIndex({ budgetBytes: 2 ** 20, pods: always });
    const pin = index.record(keysOf([..."abcd"]), 0 as Slot, 1);
    index.resize(0 as Slot, 1, { blockTokens: 16, blocks: 50 });
    expect(hitBlocks(index, "abcd", 1)).toEqual([4]);
    index.resize(0 as Slot, 1, { blockTokens: 32, blocks: 50 });
    expect(hitBlocks(index, "abcd", 1)).toEqual([0]);
    serve(index, "abcd", 0);
    index.release(pin);
    expect([index.pinned, index.entries]).toEqual([0, 2]);
  });

  test("takes nothing from a pod that is gone or does not tell the size of its blocks", () => {
    const index = new PrefixIndex({ budgetBytes: 2 ** 20, pods: { isCurrent: (_, generation) => generation === 1 } });
    index.resize(0 as Slot, 2, { blockTokens: 256, blocks: 1 });
    index.resize(0 as Slot, 1, { blockTokens: Number.NaN, blocks: 1 });
    expect(index.blockBytes).toBe(64);
    serve(index, "abcd", 0);
    expect(hitBlocks(index, "abcd", 1)).toEqual([4]);
  });
});

import { describe, expect, test } from "vitest";
import { keysOfIds, type PromptIds } from "../../../src/prefix/prompt-ids.ts";
import { BlockKeys } from "../../../src/request/prompt-blocks.ts";

function keysOf(prompt: PromptIds, blockTokens = 16): string[] {
  const keys = new BlockKeys();
  keysOfIds(prompt, keys, blockTokens * 4);
  return Array.from({ length: keys.count }, (_, i) => `${keys.lo[i]} ${keys.hi[i]}`);
}

const trace = (ids: number[], tokens: number): PromptIds => ({ ids, idTokens: 512, tokens });

describe("keysOfIds", () => {
  test("splits ids into whole blocks of the engine's size", () => {
    expect(keysOf(trace([7, 8], 700))).toHaveLength(43);
    expect(keysOf(trace([7, 8], 700), 64)).toHaveLength(10);
    expect(keysOf(trace([7, 8], 700), 1024)).toHaveLength(0);
    expect(keysOf(trace([7, 8, 9, 1], 2048), 1024)).toHaveLength(2);
    expect(keysOf(trace([], 0))).toEqual([]);
    expect(new Set(keysOf(trace([7, 7, 7], 1536))).size).toBe(96);
  });

  test("gives a head the same keys in every prompt and every size of blocks", () => {
    const long = keysOf(trace([7, 8, 9], 1536));
    expect(keysOf(trace([7, 8], 1024))).toEqual(long.slice(0, 64));
    for (const blockTokens of [32, 256, 512]) {
      const every = blockTokens / 16;
      const expected = long.filter((_, i) => (i + 1) % every === 0);
      expect(keysOf(trace([7, 8, 9], 1536), blockTokens)).toEqual(expected);
    }
  });

  test("gives no key of another head, though later ids are the same", () => {
    const [one, other] = [keysOf(trace([7, 8, 9], 1536)), keysOf(trace([7, 5, 9], 1536))];
    expect(one.filter((key, i) => key === other[i])).toHaveLength(32);
    expect(one.slice(32).filter((key) => other.includes(key))).toEqual([]);
  });

  test("cuts ids that end within a block where the block ends", () => {
    const keys = (ids: number[]) => keysOf({ ids, idTokens: 20, tokens: 60 });
    expect(keys([1, 2, 3])).toHaveLength(3);
    expect(keys([1, 2, 3])[0]).toBe(keys([1, 9, 3])[0]);
    expect(keys([1, 2, 3])[1]).not.toBe(keys([1, 9, 3])[1]);
  });

  test("takes no more blocks than there is room for, and tells the length of the whole", () => {
    const keys = new BlockKeys(10);
    keysOfIds(trace([1, 2, 3], 1400), keys);
    expect([keys.count, keys.totalBytes]).toEqual([10, 5600]);
  });
});

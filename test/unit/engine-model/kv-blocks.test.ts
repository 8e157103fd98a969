import { describe, expect, test } from "vitest";
import { hashPrompt, mixBits } from "../../../src/engine-model/block-keys.ts";
import { KeyTable } from "../../../src/engine-model/key-table.ts";
import { KvBlocks } from "../../../src/engine-model/kv-blocks.ts";

/** Takes blocks and publishes them under the keys (1, 1), (2, 2)... */
function fill(kv: KvBlocks, keys: readonly number[]): Int32Array {
  return Int32Array.from(keys, (key) => {
    const block = kv.take();
    kv.publish(block, key, key);
    return block;
  });
}

describe("KvBlocks", () => {
  test("counts blocks in use and hands out -1 when all are", () => {
    const kv = new KvBlocks(2);
    expect([kv.take(), kv.take()]).toEqual([0, 1]);
    expect([kv.take(), kv.used, kv.idle]).toEqual([-1, 2, 0]);
  });

  test("finds a released block until it is taken again", () => {
    const kv = new KvBlocks(2);
    const blocks = fill(kv, [7]);
    kv.release(blocks, 1);
    expect([kv.find(7, 7), kv.used]).toEqual([0, 0]);
    // Block 1 was never used, so it has been idle for longer than block 0.
    expect([kv.take(), kv.find(7, 7)]).toEqual([1, 0]);
    expect([kv.take(), kv.find(7, 7)]).toEqual([0, -1]);
  });

  test("evicts the tail of a prefix before its head", () => {
    const kv = new KvBlocks(3);
    kv.release(fill(kv, [1, 2, 3]), 3);
    kv.take();
    expect([1, 2, 3].map((key) => kv.find(key, key) !== -1)).toEqual([true, true, false]);
    kv.take();
    expect([1, 2, 3].map((key) => kv.find(key, key) !== -1)).toEqual([true, false, false]);
  });

  test("evicts the prefix that was released first", () => {
    const kv = new KvBlocks(2);
    const first = fill(kv, [1]);
    const second = fill(kv, [2]);
    kv.release(second, 1);
    kv.release(first, 1);
    kv.take();
    expect([kv.find(1, 1) !== -1, kv.find(2, 2) !== -1]).toEqual([true, false]);
  });

  test("keeps a block that two sequences hold until both let go", () => {
    const kv = new KvBlocks(2);
    const blocks = fill(kv, [1]);
    kv.pin(blocks[0]!);
    kv.release(blocks, 1);
    expect(kv.used).toBe(1);
    kv.release(blocks, 1);
    expect(kv.used).toBe(0);
  });

  test("pins an idle block out of the way of eviction", () => {
    const kv = new KvBlocks(2);
    const blocks = fill(kv, [1]);
    kv.release(blocks, 1);
    kv.pin(blocks[0]!);
    expect([kv.take(), kv.take(), kv.find(1, 1)]).toEqual([1, -1, 0]);
  });

  test("leaves a key with the block that had it first", () => {
    const kv = new KvBlocks(2);
    const [first] = fill(kv, [1]);
    fill(kv, [1]);
    expect(kv.find(1, 1)).toBe(first);
  });
});

describe("KeyTable", () => {
  test("agrees with a Map over random additions and removals", () => {
    const blocks = 50;
    const table = new KeyTable(blocks);
    const byBlock = new Map<number, number>();
    for (let round = 0; round < 5000; round++) {
      const block = mixBits(round, 1) % blocks;
      if (byBlock.delete(block)) {
        table.remove(block);
      } else {
        // Few keys, so that equal and colliding ones are common.
        const key = mixBits(round, 2) % 80;
        const free = ![...byBlock.values()].includes(key);
        expect(table.add(block, key, -key)).toBe(free);
        if (free) byBlock.set(block, key);
      }
      const probe = mixBits(round, 3) % 80;
      const owner = [...byBlock].find(([, key]) => key === probe)?.[0] ?? -1;
      expect(table.find(probe, -probe)).toBe(owner);
      expect(table.find(probe, 12_345)).toBe(-1);
    }
  });
});

describe("hashPrompt", () => {
  const tokens = Array.from({ length: 40 }, (_, index) => index);

  test("names full blocks only, equal for equal prefixes", () => {
    const one = hashPrompt(tokens, 16);
    const other = hashPrompt([...tokens.slice(0, 32), 99], 16);
    expect([one.firstKeys.length, other.firstKeys.length]).toEqual([2, 2]);
    expect([...other.firstKeys, ...other.secondKeys]).toEqual([...one.firstKeys, ...one.secondKeys]);
  });

  test("gives every block after the first difference another key", () => {
    const one = hashPrompt(tokens, 8);
    const other = hashPrompt(
      tokens.map((token) => (token === 9 ? 1000 : token)),
      8,
    );
    const equal = [...one.firstKeys].map((key, block) => key === other.firstKeys[block]);
    expect(equal).toEqual([true, false, false, false, false]);
  });

  test("keeps salts apart", () => {
    const plain = hashPrompt(tokens, 16);
    const salted = hashPrompt(tokens, 16, 5);
    expect(salted.firstKeys[0]).not.toBe(plain.firstKeys[0]);
    expect(salted.secondKeys[0]).not.toBe(plain.secondKeys[0]);
  });

  test("has no collision in either lane over a hundred thousand blocks", () => {
    const { firstKeys, secondKeys } = hashPrompt(
      Array.from({ length: 100_000 }, (_, index) => index % 7),
      1,
    );
    // By chance about one pair in 32 bits; both lanes together would need 2^64.
    expect(new Set(firstKeys).size).toBeGreaterThan(99_990);
    expect(new Set(secondKeys).size).toBeGreaterThan(99_990);
    expect(new Set(firstKeys.map((key, block) => key ^ secondKeys[block]!)).size).toBeGreaterThan(99_990);
  });
});

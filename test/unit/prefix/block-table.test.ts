import { describe, expect, test } from "vitest";
import { BlockTable, KEY_HI } from "../../../src/prefix/block-table.ts";
import { RecordPool } from "../../../src/prefix/record-pool.ts";
import { Random } from "../../support/random.ts";

/** Word of a block's record that names the next one of its chain. */
const NEXT_IN_CHAIN = 4;
/** All blocks have one chain. */
const oneChain = new Int32Array(9);

function secretOf(seed: number): Int32Array {
  const random = new Random(seed);
  return Int32Array.from({ length: 9 }, () => random.int(2 ** 32) | 0);
}

/** Steps that finding each block once takes, a block. */
function stepsPerBlock({ heads, words }: RecordPool, blocks: number): number {
  let steps = 0;
  for (const head of heads) {
    let place = 0;
    for (let block = head; block !== 0; block = words[block + NEXT_IN_CHAIN] ?? 0) steps += ++place;
  }
  return steps / blocks;
}

describe("BlockTable.add", () => {
  const count = 20_000;
  test.each<[string, (i: number) => readonly [lo: number, hi: number]]>([
    ["one low lane", (i) => [0x12345678, Math.imul(i, 0x9e3779b1)]],
    ["one low lane and high lanes that count", (i) => [0x12345678, i]],
    ["low lanes that differ in their highest bits only", (i) => [i << 17, 5]],
    ["lanes that differ alike", (i) => [i, i]],
    ["lanes that make up for each other", (i) => [i, ~i]],
  ])("keeps chains short for keys made on purpose: %s", (_, keyOf) => {
    for (let seed = 1; seed <= 8; seed++) {
      const pool = new RecordPool(2 ** 22);
      const table = new BlockTable(pool, secretOf(seed));
      for (let i = 0; i < count; i++) table.add(...keyOf(i));
      // By chance it is one and a half or so.
      expect(stepsPerBlock(pool, count)).toBeLessThan(2);
      for (const i of [0, 1, 777, count - 1]) expect(pool.words[table.find(...keyOf(i)) + KEY_HI]).toBe(keyOf(i)[1]);
    }
  });

  test("chooses chains under a secret that each table has for itself", () => {
    const pools = [new RecordPool(2 ** 20), new RecordPool(2 ** 20)];
    for (const pool of pools) {
      const table = new BlockTable(pool);
      for (let i = 0; i < 1000; i++) table.add(i, i);
    }
    expect(pools[0]?.heads).not.toEqual(pools[1]?.heads);
  });
});

describe("BlockTable.remove", () => {
  test("takes any block out of a crowded chain and leaves the others", () => {
    const table = new BlockTable(new RecordPool(2 ** 20), oneChain);
    const random = new Random(7);
    const blocks = new Map<number, number>();
    for (let round = 0; round < 3000; round++) {
      const lo = random.int(60);
      const block = blocks.get(lo);
      if (block === undefined) blocks.set(lo, table.add(lo, 1));
      else {
        table.remove(block);
        blocks.delete(lo);
      }
      const other = random.int(60);
      expect(table.find(other, 1)).toBe(blocks.get(other) ?? 0);
    }
  });
});

describe("BlockTable.find", () => {
  test("gives up far down a chain, and finds what moved up", () => {
    const table = new BlockTable(new RecordPool(2 ** 20), oneChain);
    const blocks = Array.from({ length: 1000 }, (_, lo) => table.add(lo, 1));
    const found = () => blocks.filter((block, lo) => table.find(lo, 1) === block).length;
    expect(found()).toBe(64);
    for (const block of blocks.splice(100)) table.remove(block);
    expect(found()).toBe(64);
    for (const block of blocks.splice(50)) table.remove(block);
    expect(found()).toBe(50);
  });
});

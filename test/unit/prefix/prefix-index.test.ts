import { describe, expect, test } from "vitest";
import { PodTable, type Slot } from "../../../src/pods/pod-table.ts";
import { type Pin, PrefixIndex } from "../../../src/prefix/prefix-index.ts";
import { EXACT_HOLDERS } from "../../../src/prefix/prompt-match.ts";
import type { BlockKeys } from "../../../src/request/prompt-blocks.ts";
import { keysOf } from "../../support/block-key-trees.ts";
import { toldBlocks } from "../../support/naive-prefix-index.ts";
import { Random } from "../../support/random.ts";

const always = { isCurrent: () => true };
const ROOMY = 2 ** 20;
/** Of the budget: two records and a chain head for each block that one pod holds. */
const BYTES_PER_BLOCK = 68;

function indexOf(budgetBytes = ROOMY, podEntries = Number.POSITIVE_INFINITY): PrefixIndex {
  return new PrefixIndex({ budgetBytes, podEntries, pods: always });
}

/** Blocks that hit by slot, for slots 0..count-1. */
function hits(index: PrefixIndex, keys: BlockKeys, count: number): number[] {
  const out = new Float64Array(count).fill(7);
  const slots = Int32Array.from({ length: count }, (_, slot) => slot);
  index.match(keys, slots, count, out);
  return [...out].map((share) => Math.round((share * keys.totalBytes * 100) / keys.blockBytes) / 100);
}

const hitsOf = (index: PrefixIndex, prompt: string, count: number) => hits(index, keysOf([...prompt]), count);

function start(index: PrefixIndex, prompt: string, slot: number, generation = 1): Pin | undefined {
  return index.record(keysOf([...prompt]), slot as Slot, generation);
}

/** A request that is over as soon as it came. */
function serve(index: PrefixIndex, prompt: string, slot: number, generation = 1): void {
  index.release(start(index, prompt, slot, generation));
}

describe("PrefixIndex.match", () => {
  test("gives each pod what it holds from the prompt's start", () => {
    const index = indexOf();
    serve(index, "abcd", 0);
    serve(index, "ab", 1);
    start(index, "abx", 2);
    serve(index, "xbcd", 3);
    expect(hitsOf(index, "abcd", 5)).toEqual([4, 2, 2, 0, 0]);
    expect(hitsOf(index, "abcdef", 5)).toEqual([4, 2, 2, 0, 0]);
  });

  test("gives the share of the whole prompt, of which the last byte is never a hit", () => {
    const index = indexOf();
    const keys = keysOf([..."abcd"]);
    index.record(keys, 0 as Slot, 1);
    const out = new Float64Array(1);
    const share = (totalBytes: number) => {
      keys.totalBytes = totalBytes;
      index.match(keys, Int32Array.of(0), 1, out);
      return out[0];
    };
    expect(share(4 * 64)).toBe(3 / 4);
    expect(share(4 * 64 + 1)).toBe((4 * 64) / (4 * 64 + 1));
    keys.count = 1;
    expect(share(64)).toBe(0);
  });

  test("writes rows 0..size-1 only, and zero to those that hold nothing", () => {
    const index = indexOf();
    serve(index, "a", 4);
    const out = new Float64Array(4).fill(7);
    index.match(keysOf(["a"]), Int32Array.of(9, 4, 2, 4), 3, out);
    expect([...out]).toEqual([0, 2 / 3, 0, 7]);
  });

  test("follows slots from row to row between calls", () => {
    const index = indexOf();
    serve(index, "a", 5);
    serve(index, "ab", 65_535);
    const out = new Float64Array(2);
    const match = (...slots: number[]) => {
      index.match(keysOf([..."ab"]), Int32Array.from(slots), slots.length, out);
      return [...out];
    };
    expect(match(5, 65_535)).toEqual([0.4, 0.8]);
    expect(match(65_535, 5)).toEqual([0.8, 0.4]);
    expect(match(7)[0]).toBe(0);
  });

  test("finds nothing for a prompt without blocks, and with no pods", () => {
    const index = indexOf();
    serve(index, "a", 0);
    expect(hitsOf(index, "", 2)).toEqual([0, 0]);
    expect(hitsOf(index, "a", 0)).toEqual([]);
  });

  test("finds every depth when all pods hold heads of other lengths", () => {
    const index = indexOf();
    const prompt = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (let slot = 0; slot < 100; slot++) serve(index, prompt.slice(0, slot % 37), slot);
    expect(hitsOf(index, prompt, 100)).toEqual(Array.from({ length: 100 }, (_, slot) => slot % 37));
  });

  test.each([
    ["many of other lengths", 300, (random: Random) => random.int(600)],
    ["very many of some lengths", 1_000, (random: Random) => 50 * random.int(13)],
    ["most of the same and some longer", 1_500, (random: Random) => (random.chance(0.05) ? random.int(600) : 200)],
  ])("tells the longest heads exactly and at least half of the others: %s", (_, pods, lengthOf) => {
    const random = new Random(pods);
    const index = indexOf(32 * ROOMY);
    const prompt = Array.from({ length: 600 }, (_, i) => `${i}`);
    const held = Array.from({ length: pods }, () => lengthOf(random));
    for (const [slot, blocks] of held.entries()) index.record(keysOf(prompt.slice(0, blocks)), slot as Slot, 1);
    const told = hits(index, keysOf(prompt), pods);
    expect(told).toEqual(toldBlocks(held, EXACT_HOLDERS));
    const ranks = held.toSorted((a, b) => b - a);
    for (const [slot, blocks] of held.entries()) {
      expect(told[slot]).toBeLessThanOrEqual(blocks);
      expect(told[slot]).toBeGreaterThanOrEqual(blocks >= (ranks[60] ?? 0) ? blocks : blocks / 2);
    }
    expect(told).not.toEqual(held);
  });

  test("changes nothing", () => {
    const index = indexOf(ROOMY, 4);
    serve(index, "ab", 0);
    serve(index, "xy", 0);
    for (let i = 0; i < 3; i++) expect(hitsOf(index, "ab", 1)).toEqual([2]);
    serve(index, "q", 0);
    expect(hitsOf(index, "ab", 1)).toEqual([1]);
  });

  test("does not credit a tenant the pod table no longer knows, though nobody said it left", () => {
    const table = new PodTable();
    table.reconcile([{ name: "a", address: "1" }]);
    const index = new PrefixIndex({ budgetBytes: ROOMY, pods: table });
    serve(index, "a", 0, 1);
    expect(hitsOf(index, "a", 1)).toEqual([1]);
    table.reconcile([{ name: "b", address: "2" }]);
    table.reconcile([
      { name: "b", address: "2" },
      { name: "c", address: "3" },
    ]);
    expect(hitsOf(index, "a", 2)).toEqual([0, 0]);
    serve(index, "b", 0, table.pods().find((pod) => pod.slot === 0)?.generation);
    expect(hitsOf(index, "b", 2)).toEqual([1, 0]);
    expect(hitsOf(index, "a", 2)).toEqual([0, 0]);
  });
});

describe("PrefixIndex.record", () => {
  test("of the same prompt again adds nothing", () => {
    const index = indexOf();
    serve(index, "abc", 0);
    serve(index, "abc", 0);
    start(index, "ab", 0);
    expect(index.entries).toBe(3);
    expect(index.pinned).toBe(2);
  });

  test("ignores a prompt without blocks and a pod that is gone", () => {
    const index = new PrefixIndex({ budgetBytes: ROOMY, pods: { isCurrent: (_, generation) => generation === 2 } });
    expect(start(index, "", 0, 2)).toBeUndefined();
    expect(start(index, "a", 0, 1)).toBeUndefined();
    expect(index.entries).toBe(0);
    expect(start(index, "a", 0, 2)).toBeDefined();
  });

  test("evicts the tails of the prompt that was let go first, first", () => {
    const index = indexOf(ROOMY, 6);
    serve(index, "abc", 0);
    serve(index, "xyz", 0);
    serve(index, "q", 0);
    expect(hitsOf(index, "abc", 1)).toEqual([2]);
    serve(index, "a", 0);
    serve(index, "rs", 0);
    expect(hitsOf(index, "abc", 1)).toEqual([1]);
    expect(hitsOf(index, "xyz", 1)).toEqual([2]);
    expect(index.evictions).toBe(3);
  });

  test("evicts in the order in which requests end, not in which they came", () => {
    const index = indexOf(ROOMY, 6);
    const early = start(index, "abc", 0);
    serve(index, "xyz", 0);
    index.release(early);
    serve(index, "qr", 0);
    expect([hitsOf(index, "abc", 1), hitsOf(index, "xyz", 1)]).toEqual([[3], [1]]);
  });

  test("cannot evict what requests in flight need: the pod takes in as much as there is room for", () => {
    const index = indexOf(ROOMY, 5);
    const long = start(index, "abc", 0);
    const other = start(index, "abxyz", 0);
    expect([hitsOf(index, "abc", 1), hitsOf(index, "abxyz", 1)]).toEqual([[3], [4]]);
    expect(start(index, "q", 0)).toBeUndefined();
    expect([index.entries, index.pinned, index.evictions]).toEqual([5, 5, 0]);
    index.release(long);
    expect(index.pinned).toBe(4);
    serve(index, "q", 0);
    expect([hitsOf(index, "abc", 1), hitsOf(index, "q", 1)]).toEqual([[2], [1]]);
    index.release(other);
    expect(index.pinned).toBe(0);
  });

  test("keeps the head of a prompt longer than the whole budget", () => {
    const index = indexOf(BYTES_PER_BLOCK * 5);
    serve(index, "abcdefghij", 0);
    expect(hitsOf(index, "abcdefghij", 1)).toEqual([4]);
    expect(index.usedBytes).toBeLessThanOrEqual(index.limitBytes);
  });

  test("evicts from the pod with the most idle blocks when the budget is spent", () => {
    const index = indexOf(BYTES_PER_BLOCK * 9);
    serve(index, "ab", 0);
    serve(index, "cdefgh", 1);
    serve(index, "ij", 2);
    expect(hitsOf(index, "ab", 3)).toEqual([2, 0, 0]);
    expect(hitsOf(index, "cdefgh", 3)).toEqual([0, 4, 0]);
    expect(hitsOf(index, "ij", 3)).toEqual([0, 0, 2]);
    expect(index.evictions).toBe(2);
  });

  test("takes no pinned blocks for the budget's sake, however many a pod has", () => {
    const index = indexOf(BYTES_PER_BLOCK * 9);
    start(index, "cdefgh", 1);
    serve(index, "ab", 0);
    serve(index, "ij", 2);
    expect(hitsOf(index, "cdefgh", 3)).toEqual([0, 6, 0]);
    expect(hitsOf(index, "ij", 3)).toEqual([0, 0, 2]);
    expect(hitsOf(index, "ab", 3)).toEqual([0, 0, 0]);
    start(index, "klmnopqr", 2);
    expect(index.entries).toBe(8);
  });

  test.each([0, 67, 68, 135])("with a budget of %d bytes holds hardly anything and does not fail", (budgetBytes) => {
    const index = indexOf(budgetBytes);
    serve(index, "ab", 0);
    serve(index, "cd", 1);
    expect(index.entries).toBe(0);
    expect(index.usedBytes).toBeLessThanOrEqual(budgetBytes);
    expect(hitsOf(index, "a", 2)).toEqual([0, 0]);
  });
});

describe("PrefixIndex.release", () => {
  test("ends a pin once, however often it is called", () => {
    const index = indexOf();
    const [one, two] = [start(index, "ab", 0), start(index, "ab", 0)];
    index.release(one);
    index.release(one);
    index.withdraw(one);
    expect(index.pinned).toBe(2);
    index.release(two);
    expect([index.pinned, index.entries]).toEqual([0, 2]);
    index.release(undefined);
  });

  test("of a pin from before the pod left does nothing to the slot's next tenant", () => {
    const index = indexOf();
    const pins = [start(index, "abc", 0), start(index, "abd", 0), start(index, "x", 0)];
    index.forgetPod(0 as Slot);
    start(index, "abc", 0, 2);
    index.release(pins[0]);
    index.withdraw(pins[1]);
    expect(index.move(pins[2], 1 as Slot, 1)).toBeUndefined();
    expect([index.pinned, index.entries]).toEqual([3, 3]);
    expect(hitsOf(index, "abc", 1)).toEqual([3]);
  });
});

describe("PrefixIndex.withdraw", () => {
  test("forgets what the request alone had brought", () => {
    const index = indexOf();
    serve(index, "ab", 0);
    index.withdraw(start(index, "abcd", 0));
    expect(hitsOf(index, "abcd", 1)).toEqual([2]);
    expect([index.pinned, index.entries, index.evictions]).toEqual([0, 2, 0]);
  });

  test("leaves what another request has used since, pinned or idle", () => {
    const index = indexOf();
    const first = start(index, "abcd", 0);
    const second = start(index, "abcx", 0);
    serve(index, "aby", 0);
    index.withdraw(first);
    expect([hitsOf(index, "abcd", 1), hitsOf(index, "abcx", 1), hitsOf(index, "aby", 1)]).toEqual([[3], [4], [3]]);
    index.withdraw(second);
    expect([hitsOf(index, "abcx", 1), hitsOf(index, "aby", 1)]).toEqual([[3], [3]]);
    expect([index.pinned, index.entries]).toEqual([0, 4]);
  });
});

describe("PrefixIndex.move", () => {
  test("takes the prompt from the pod picked to the one that served it", () => {
    const index = indexOf();
    serve(index, "ab", 0);
    serve(index, "a", 1);
    const picked = start(index, "abcd", 0);
    const served = index.move(picked, 1 as Slot, 1);
    expect(hitsOf(index, "abcd", 2)).toEqual([2, 4]);
    index.release(picked);
    expect(index.pinned).toBe(4);
    index.release(served);
    expect([index.pinned, index.entries]).toEqual([0, 6]);
  });

  test("carries keys between pods with blocks of other sizes as far as they go", () => {
    const index = indexOf();
    index.resize(0 as Slot, 1, { blockTokens: 16, blocks: 99 });
    index.resize(1 as Slot, 1, { blockTokens: 32, blocks: 99 });
    const pin = start(index, "abcde", 0);
    expect(index.move(index.move(pin, 1 as Slot, 1), 0 as Slot, 1)).toBeUndefined();
    index.release(index.move(start(index, "abcde", 0), 1 as Slot, 1));
    expect(hitsOf(index, "abcde", 2)).toEqual([0, 4]);
  });
});

describe("PrefixIndex.forgetPod", () => {
  test("makes the pod hold nothing at once and leaves the others alone", () => {
    const index = indexOf();
    serve(index, "ab", 0);
    serve(index, "abc", 1);
    index.forgetPod(0 as Slot);
    expect(hitsOf(index, "abc", 2)).toEqual([0, 3]);
    expect(index.entries).toBe(3);
    index.forgetPod(0 as Slot);
    index.forgetPod(77 as Slot);
    expect(index.entries).toBe(3);
  });

  test("lets the slot's next tenant start from nothing", () => {
    const index = indexOf();
    serve(index, "abc", 0, 1);
    index.forgetPod(0 as Slot);
    serve(index, "a", 0, 2);
    expect(hitsOf(index, "abc", 1)).toEqual([1]);
  });

  test.each(["idle", "pinned"])("drops many %s entries a slice at a time, while matches stay right", (kind) => {
    const index = indexOf();
    const long = Array.from({ length: 1000 }, (_, i) => String(i));
    const pin = index.record(keysOf(long), 0 as Slot, 1);
    if (kind === "idle") index.release(pin);
    start(index, "", 0);
    index.record(keysOf([...long.slice(0, 300), "fork"]), 0 as Slot, 1);
    index.record(keysOf(long.slice(0, 500)), 1 as Slot, 1);
    index.forgetPod(0 as Slot);
    const left = [index.entries];
    while (index.entries > 500) {
      expect(hits(index, keysOf(long), 2)).toEqual([0, 500]);
      start(index, "", 1);
      left.push(index.entries);
    }
    expect(left).toHaveLength(16);
    expect(left.slice(0, 2)).toEqual([1501 - 64, 1501 - 128]);
    expect(index.evictions).toBe(0);
  });

  test("gives a departed pod's room away before anybody else's", () => {
    const index = indexOf(BYTES_PER_BLOCK * 620);
    const many = (name: string) => keysOf(Array.from({ length: 600 }, (_, i) => `${name}${i}`));
    index.record(many("old"), 0 as Slot, 1);
    serve(index, "abcd", 1);
    index.forgetPod(0 as Slot);
    index.record(many("new"), 2 as Slot, 1);
    expect(index.evictions).toBe(0);
    expect(index.entries).toBeGreaterThan(604);
    start(index, "", 2);
    expect(index.entries).toBe(604);
    expect(hits(index, keysOf(["new0"]), 3)).toEqual([0, 0, 1]);
    expect(hitsOf(index, "abcd", 2)).toEqual([0, 4]);
  });
});

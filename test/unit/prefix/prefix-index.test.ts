import { describe, expect, test } from "vitest";
import { PodTable, type Slot } from "../../../src/pods/pod-table.ts";
import { PrefixIndex } from "../../../src/prefix/prefix-index.ts";
import { keysOf, keyTexts, randomPrompt } from "../../support/block-key-trees.ts";
import { NaivePrefixIndex } from "../../support/naive-prefix-index.ts";
import { Random } from "../../support/random.ts";

const always = { isCurrent: () => true };
const ROOMY = 2 ** 20;
/** Of the budget: two records and a chain head for each block that one pod holds. */
const BYTES_PER_BLOCK = 68;

function indexOf(budgetBytes = ROOMY, podEntries = Number.POSITIVE_INFINITY): PrefixIndex {
  return new PrefixIndex({ budgetBytes, podEntries, pods: always });
}

/** Shares by slot, for slots 0..count-1. */
function shares(index: PrefixIndex, prompt: readonly string[], count: number): number[] {
  const hits = new Float64Array(count).fill(7);
  const slots = Int32Array.from({ length: count }, (_, slot) => slot);
  index.match(keysOf(prompt), slots, count, hits);
  return [...hits];
}

function record(index: PrefixIndex, prompt: string, slot: number, generation = 1): void {
  index.record(keysOf([...prompt]), slot as Slot, generation);
}

describe("PrefixIndex.match", () => {
  test("gives each pod the share it holds from the prompt's start", () => {
    const index = indexOf();
    record(index, "abcd", 0);
    record(index, "ab", 1);
    record(index, "abx", 2);
    record(index, "xbcd", 3);
    expect(shares(index, [..."abcd"], 5)).toEqual([1, 0.5, 0.5, 0, 0]);
    expect(shares(index, [..."abcdef"], 5)).toEqual([4 / 6, 2 / 6, 2 / 6, 0, 0]);
  });

  test("counts bytes, not blocks", () => {
    const index = indexOf();
    const keys = keysOf([..."abc"]);
    keys.count = 2;
    index.record(keys, 0 as Slot, 1);
    keys.count = 3;
    keys.endBytes.set([10, 30, 40]);
    const hits = new Float64Array(1);
    index.match(keys, Int32Array.of(0), 1, hits);
    expect(hits[0]).toBe(0.75);
  });

  test("writes rows 0..size-1 only, and zero to those that hold nothing", () => {
    const index = indexOf();
    record(index, "a", 4);
    const hits = new Float64Array(4).fill(7);
    index.match(keysOf(["a"]), Int32Array.of(9, 4, 2, 4), 3, hits);
    expect([...hits]).toEqual([0, 1, 0, 7]);
  });

  test("follows slots from row to row between calls", () => {
    const index = indexOf();
    record(index, "a", 5);
    record(index, "ab", 65_535);
    const hits = new Float64Array(2);
    index.match(keysOf([..."ab"]), Int32Array.of(5, 65_535), 2, hits);
    expect([...hits]).toEqual([0.5, 1]);
    index.match(keysOf([..."ab"]), Int32Array.of(65_535, 5), 2, hits);
    expect([...hits]).toEqual([1, 0.5]);
    index.match(keysOf([..."ab"]), Int32Array.of(7, 65_535), 1, hits);
    expect([...hits]).toEqual([0, 0.5]);
  });

  test("finds nothing for a prompt without blocks, and with no pods", () => {
    const index = indexOf();
    record(index, "a", 0);
    expect(shares(index, [], 2)).toEqual([0, 0]);
    expect(shares(index, ["a"], 0)).toEqual([]);
  });

  test("finds every depth when all pods hold heads of other lengths", () => {
    const index = indexOf();
    const prompt = Array.from("abcdefghijklmnopqrstuvwxyz0123456789");
    for (let slot = 0; slot < 100; slot++) record(index, prompt.slice(0, slot % 37).join(""), slot);
    expect(shares(index, prompt, 100)).toEqual(Array.from({ length: 100 }, (_, slot) => (slot % 37) / 36));
  });

  test("does not credit a tenant the pod table no longer knows, though nobody said it left", () => {
    const table = new PodTable();
    table.reconcile([{ name: "a", address: "1" }]);
    const index = new PrefixIndex({ budgetBytes: ROOMY, pods: table });
    record(index, "a", 0, 1);
    expect(shares(index, ["a"], 1)).toEqual([1]);
    table.reconcile([{ name: "b", address: "2" }]);
    table.reconcile([
      { name: "b", address: "2" },
      { name: "c", address: "3" },
    ]);
    expect(shares(index, ["a"], 2)).toEqual([0, 0]);
    record(index, "b", 0, table.pods().find((pod) => pod.slot === 0)?.generation);
    expect(shares(index, ["b"], 2)).toEqual([1, 0]);
    expect(shares(index, ["a"], 2)).toEqual([0, 0]);
  });
});

describe("PrefixIndex.record", () => {
  test("of the same prompt again adds nothing", () => {
    const index = indexOf();
    record(index, "abc", 0);
    record(index, "abc", 0);
    record(index, "ab", 0);
    expect(index.entries).toBe(3);
  });

  test("ignores a prompt without blocks and a pod that is gone", () => {
    const index = new PrefixIndex({ budgetBytes: ROOMY, pods: { isCurrent: (_, generation) => generation === 2 } });
    record(index, "", 0, 2);
    record(index, "a", 0, 1);
    expect(index.entries).toBe(0);
    record(index, "a", 0, 2);
    expect(index.entries).toBe(1);
  });

  test("evicts the tails of the least recently used prompt first", () => {
    const index = indexOf(ROOMY, 6);
    record(index, "abc", 0);
    record(index, "xyz", 0);
    record(index, "q", 0);
    expect(shares(index, [..."abc"], 1)).toEqual([2 / 3]);
    record(index, "a", 0);
    record(index, "rs", 0);
    expect(shares(index, [..."abc"], 1)).toEqual([1 / 3]);
    expect(shares(index, [..."xyz"], 1)).toEqual([2 / 3]);
    expect(index.evictions).toBe(3);
  });

  test("keeps a head that a newer prompt shares longer than the old prompt's tail", () => {
    const index = indexOf(ROOMY, 4);
    record(index, "abc", 0);
    record(index, "abxy", 0);
    expect(shares(index, [..."abxy"], 1)).toEqual([1]);
    expect(shares(index, [..."abc"], 1)).toEqual([2 / 3]);
  });

  test("keeps the head of a prompt longer than a pod may hold", () => {
    const index = indexOf(ROOMY, 3);
    record(index, "old", 0);
    record(index, "abcdef", 0);
    expect(shares(index, [..."abcdef"], 1)).toEqual([0.5]);
    expect(index.entries).toBe(3);
  });

  test("keeps the head of a prompt longer than the whole budget", () => {
    const index = indexOf(BYTES_PER_BLOCK * 5);
    record(index, "abcdefghij", 0);
    const [share] = shares(index, [..."abcdefghij"], 1);
    expect(share).toBe(0.4);
    expect(index.usedBytes).toBeLessThanOrEqual(index.limitBytes);
  });

  test("evicts from the pod with the most entries when the budget is spent", () => {
    const index = indexOf(BYTES_PER_BLOCK * 9);
    record(index, "ab", 0);
    record(index, "cdefgh", 1);
    record(index, "ij", 2);
    expect(shares(index, [..."ab"], 3)).toEqual([1, 0, 0]);
    expect(shares(index, [..."cdefgh"], 3)).toEqual([0, 4 / 6, 0]);
    expect(shares(index, [..."ij"], 3)).toEqual([0, 0, 1]);
    expect(index.evictions).toBe(2);
  });

  test.each([0, 67, 68, 135])("with a budget of %d bytes holds hardly anything and does not fail", (budgetBytes) => {
    const index = indexOf(budgetBytes);
    record(index, "ab", 0);
    record(index, "cd", 1);
    expect(index.entries).toBe(0);
    expect(index.usedBytes).toBeLessThanOrEqual(budgetBytes);
    expect(shares(index, ["a"], 2)).toEqual([0, 0]);
  });
});

describe("PrefixIndex.forgetPod", () => {
  test("makes the pod hold nothing at once and leaves the others alone", () => {
    const index = indexOf();
    record(index, "ab", 0);
    record(index, "abc", 1);
    index.forgetPod(0 as Slot);
    expect(shares(index, [..."abc"], 2)).toEqual([0, 1]);
    expect(index.entries).toBe(3);
    index.forgetPod(0 as Slot);
    index.forgetPod(77 as Slot);
    expect(index.entries).toBe(3);
  });

  test("lets the slot's next tenant start from nothing", () => {
    const index = indexOf();
    record(index, "abc", 0, 1);
    index.forgetPod(0 as Slot);
    record(index, "a", 0, 2);
    expect(shares(index, [..."abc"], 1)).toEqual([1 / 3]);
  });

  test("drops many entries a slice at a time, while matches stay right", () => {
    const index = indexOf();
    const long = Array.from({ length: 1000 }, (_, i) => String(i));
    index.record(keysOf(long), 0 as Slot, 1);
    index.record(keysOf(long.slice(0, 500)), 1 as Slot, 1);
    index.forgetPod(0 as Slot);
    const left = [index.entries];
    while (index.entries > 500) {
      expect(shares(index, long, 2)).toEqual([0, 0.5]);
      record(index, "", 1);
      left.push(index.entries);
    }
    expect(left).toHaveLength(16);
    expect(left.slice(0, 2)).toEqual([1500 - 64, 1500 - 128]);
    expect(index.evictions).toBe(0);
  });

  test("gives a departed pod's room away before anybody else's", () => {
    const index = indexOf(BYTES_PER_BLOCK * 620);
    index.record(keysOf(Array.from({ length: 600 }, (_, i) => `old${i}`)), 0 as Slot, 1);
    record(index, "abcd", 1);
    index.forgetPod(0 as Slot);
    index.record(keysOf(Array.from({ length: 600 }, (_, i) => `new${i}`)), 2 as Slot, 1);
    expect(index.evictions).toBe(0);
    expect(index.entries).toBeGreaterThan(604);
    record(index, "", 2);
    expect(index.entries).toBe(604);
    expect(shares(index, ["new0"], 3)).toEqual([0, 0, 1]);
    expect(shares(index, [..."abcd"], 2)).toEqual([0, 1]);
  });
});

describe("PrefixIndex", () => {
  test("grows its memory in steps and reports it", () => {
    const index = indexOf(4 * 2 ** 20);
    expect(index.usedBytes).toBe(0);
    const seen = new Set<number>();
    for (let i = 0; i < 100; i++) {
      index.record(keysOf(Array.from({ length: 400 }, (_, block) => `${i}.${block}`)), (i % 3) as Slot, 1);
      seen.add(index.usedBytes);
    }
    expect(seen.size).toBeGreaterThan(2);
    expect(Math.max(...seen)).toBeLessThanOrEqual(index.limitBytes);
    expect(index.limitBytes).toBe(4 * 2 ** 20);
    expect(index.entries).toBe(40_000);
  });

  test.each([
    ["little room", 40, Number.POSITIVE_INFINITY, 1],
    ["more room", 250, Number.POSITIVE_INFINITY, 2],
    ["few entries per pod", 4000, 12, 3],
    ["both", 90, 20, 4],
    ["room for everything", 40_000, Number.POSITIVE_INFINITY, 5],
  ])("agrees with a naive one under random use with %s", (_, blocks, podEntries, seed) => {
    const random = new Random(seed);
    const index = indexOf(BYTES_PER_BLOCK * blocks, podEntries);
    const naive = new NaivePrefixIndex(blocks * 2 - 1, podEntries);
    const generations = new Array<number>(12).fill(1);
    for (let step = 0; step < 700; step++) {
      const slot = random.int(generations.length);
      if (random.chance(0.02)) {
        if (random.chance(0.7)) {
          index.forgetPod(slot as Slot);
          naive.forget(slot);
        }
        generations[slot] = (generations[slot] ?? 0) + 1;
      }
      const prompt = randomPrompt(random, 24);
      const held = generations.map((_, other) => naive.held(keyTexts(prompt), other));
      expect(shares(index, prompt, held.length), `step ${step}`).toEqual(
        held.map((count) => (prompt.length === 0 ? 0 : count / prompt.length)),
      );
      index.record(keysOf(prompt), slot as Slot, generations[slot] ?? 0);
      naive.record(keyTexts(prompt), slot, generations[slot] ?? 0);
      for (let sweeps = 0; index.entries > naive.entries && sweeps < 99; sweeps++) record(index, "", slot);
      expect(index.entries).toBe(naive.entries);
      expect(index.evictions).toBe(naive.evictions);
    }
    expect(index.usedBytes).toBeLessThanOrEqual(index.limitBytes);
  });
});

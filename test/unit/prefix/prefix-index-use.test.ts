import { describe, expect, test } from "vitest";
import type { Slot } from "../../../src/pods/pod-table.ts";
import { type Pin, PrefixIndex } from "../../../src/prefix/prefix-index.ts";
import { BlockKeys } from "../../../src/request/prompt-blocks.ts";
import { crowdingSecret, keysOf, keyTexts, randomPrompt } from "../../support/block-key-trees.ts";
import { type NaivePin, NaivePrefixIndex } from "../../support/naive-prefix-index.ts";
import { Random } from "../../support/random.ts";

const always = { isCurrent: () => true };
/** Of the budget: two records and a chain head for each block that one pod holds. */
const BYTES_PER_BLOCK = 68;

interface InFlight {
  readonly pin: Pin | undefined;
  readonly naivePin: NaivePin | undefined;
}

describe("PrefixIndex under random use", () => {
  test.each([
    ["little room", 40, Number.POSITIVE_INFINITY, 1],
    ["more room", 250, Number.POSITIVE_INFINITY, 2],
    ["small pods", 4000, 12, 3],
    ["both", 90, 20, 4],
    ["room for everything", 40_000, Number.POSITIVE_INFINITY, 5],
    ["hardly room for what is in flight", 4000, 30, 6],
  ])("agrees with a naive one with %s", (_, blocks, podEntries, seed) => {
    const random = new Random(seed);
    const budgetBytes = BYTES_PER_BLOCK * blocks;
    const index = new PrefixIndex({ budgetBytes, podEntries, pods: always, secret: crowdingSecret });
    const naive = new NaivePrefixIndex(blocks * 2 - 2, podEntries);
    const generations = new Array<number>(12).fill(1);
    const slots = Int32Array.from(generations, (_, slot) => slot);
    const shares = new Float64Array(generations.length);
    const inFlight: InFlight[] = [];
    for (let step = 0; step < 900; step++) {
      const slot = random.int(generations.length);
      if (random.chance(0.02)) {
        if (random.chance(0.7)) {
          index.forgetPod(slot as Slot);
          naive.forget(slot);
        }
        generations[slot] = (generations[slot] ?? 0) + 1;
      }
      const prompt = randomPrompt(random, 24);
      const keys = keysOf(prompt);
      index.match(keys, slots, slots.length, shares);
      const held = generations.map((_, other) => naive.held(keyTexts(prompt), other));
      expect([...shares], `step ${step}`).toEqual(held.map((count) => (count * 64) / keys.totalBytes));
      const pin = index.record(keys, slot as Slot, generations[slot] ?? 0);
      const naivePin = naive.record(keyTexts(prompt), slot, generations[slot] ?? 0);
      inFlight.push({ pin, naivePin });
      if (random.chance(0.1)) move(random, inFlight, generations, index, naive);
      while (inFlight.length > 8 || (inFlight.length > 0 && random.chance(0.4))) end(random, inFlight, index, naive);
      for (let sweeps = 0; index.entries > naive.entries && sweeps < 99; sweeps++)
        index.record(keysOf([]), 0 as Slot, 1);
      expect([index.entries, index.pinned, index.evictions], `step ${step}`).toEqual([
        naive.entries,
        naive.pinned,
        naive.evictions,
      ]);
    }
    while (inFlight.length > 0) end(random, inFlight, index, naive);
    expect(index.pinned).toBe(0);
    expect(index.usedBytes).toBeLessThanOrEqual(index.limitBytes);
  });
});

/** One of the requests in flight turns out to be served by another pod. */
function move(
  random: Random,
  inFlight: InFlight[],
  generations: readonly number[],
  index: PrefixIndex,
  naive: NaivePrefixIndex,
): void {
  const [moved] = inFlight.splice(random.int(inFlight.length), 1);
  const slot = random.int(generations.length);
  const generation = generations[slot] ?? 0;
  const pin = index.move(moved?.pin, slot as Slot, generation);
  const naivePin = moved?.naivePin && naive.move(moved.naivePin, slot, generation);
  inFlight.push({ pin, naivePin });
}

/** One of the requests in flight ends in one of the ways there are. */
function end(random: Random, inFlight: InFlight[], index: PrefixIndex, naive: NaivePrefixIndex): void {
  const [ended] = inFlight.splice(random.int(inFlight.length), 1);
  if (ended === undefined) return;
  const { pin, naivePin } = ended;
  expect(pin === undefined).toBe(naivePin === undefined);
  if (random.chance(0.7)) {
    index.release(pin);
    if (naivePin !== undefined) naive.release(naivePin);
  } else {
    index.withdraw(pin);
    if (naivePin !== undefined) naive.withdraw(naivePin);
  }
  if (random.chance(0.2)) index.release(pin);
}

describe("PrefixIndex with pods whose blocks have several sizes", () => {
  test.each([11, 12, 13])("gives each what it would have alone, seed %d", (seed) => {
    const random = new Random(seed);
    const sizes = [16, 64, 32, 16, 64, 128];
    const facts = sizes.map((blockTokens) => ({ blockTokens, blocks: 320 / blockTokens }));
    const together = new PrefixIndex({ budgetBytes: 2 ** 20, pods: always });
    const alone = sizes.map(() => new PrefixIndex({ budgetBytes: 2 ** 20, pods: always }));
    for (const [slot, told] of facts.entries()) {
      for (const index of [together, alone[slot]]) index?.resize(slot as Slot, 1, told);
    }
    expect(together.blockBytes).toBe(64);
    const shares = new Float64Array(sizes.length);
    const share = new Float64Array(1);
    const pins: (readonly [PrefixIndex, Pin | undefined])[] = [];
    for (let step = 0; step < 400; step++) {
      const keys = keysOf(randomPrompt(random, 24));
      together.match(keys, Int32Array.from(sizes.keys()), sizes.length, shares);
      for (const [slot, index] of alone.entries()) {
        index.match(keys, Int32Array.of(slot), 1, share);
        expect(shares[slot], `step ${step}, pod ${slot}`).toBe(share[0]);
      }
      const slot = random.int(sizes.length);
      for (const index of [together, alone[slot]!]) pins.push([index, index.record(keys, slot as Slot, 1)]);
      if (pins.length > 12) for (const [index, pin] of pins.splice(2 * random.int(6), 2)) index.release(pin);
    }
    expect(together.evictions).toBeGreaterThan(500);
    expect(together.entries).toBe(alone.reduce((sum, { entries }) => sum + entries, 0));
    for (const [index, pin] of pins) index.release(pin);
    expect(together.pinned).toBe(0);
  });
});

/** A prompt that shares no block with any other. */
function uniquePrompt(keys: BlockKeys, random: Random, blocks: number, blockBytes: number): BlockKeys {
  keys.begin(blockBytes);
  for (let block = 0; block < blocks; block++) keys.add(random.int(2 ** 32), random.int(2 ** 32));
  keys.totalBytes = blocks * blockBytes + 1;
  return keys;
}

describe("PrefixIndex.usedBytes", () => {
  test("grows in steps and stays below the limit", () => {
    const index = new PrefixIndex({ budgetBytes: 4 * 2 ** 20, pods: always });
    expect(index.usedBytes).toBe(0);
    const keys = new BlockKeys();
    const seen = new Set<number>();
    for (let i = 0; i < 100; i++) {
      index.release(index.record(uniquePrompt(keys, new Random(i), 400, 64), (i % 3) as Slot, 1));
      seen.add(index.usedBytes);
    }
    expect(seen.size).toBeGreaterThan(2);
    expect(Math.max(...seen)).toBeLessThanOrEqual(index.limitBytes);
    expect(index.limitBytes).toBe(4 * 2 ** 20);
    expect(index.entries).toBe(40_000);
  });

  test.each([
    [16, 32 * 2 ** 20],
    [64, 32 * 2 ** 20],
    [256, 32 * 2 ** 20],
    [16, 2 * 2 ** 20],
  ])("is flat once pods with blocks of %d tokens are full, in a budget of %d bytes", (blockTokens, budgetBytes) => {
    const index = new PrefixIndex({ budgetBytes, pods: always });
    const pods = 10;
    for (let slot = 0; slot < pods; slot++) index.resize(slot as Slot, 1, { blockTokens, blocks: 400_000 / 16 / 64 });
    const keys = new BlockKeys();
    const random = new Random(blockTokens);
    const used: number[] = [];
    const inFlight: (Pin | undefined)[] = [];
    for (let prompt = 0; prompt < 600; prompt++) {
      uniquePrompt(keys, random, 6400 / blockTokens, index.blockBytes);
      inFlight.push(index.record(keys, (prompt % pods) as Slot, 1));
      if (inFlight.length > 20) index.release(inFlight.shift());
      used.push(index.usedBytes);
    }
    const warm = used[299] ?? 0;
    expect(Math.max(...used.slice(300))).toBeLessThanOrEqual(warm * 1.1);
    expect(warm).toBeLessThanOrEqual(index.limitBytes);
    expect(index.evictions).toBeGreaterThan(100);
  });
});

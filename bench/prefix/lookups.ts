/** Times lookups in the prefix index and, for comparison, in the obvious thing: a map from block to the pods' set. */
import type { Slot } from "../../src/pods/pod-table.ts";
import { PrefixIndex } from "../../src/prefix/prefix-index.ts";
import { keysOfIds } from "../../src/prefix/prompt-ids.ts";
import { BlockKeys } from "../../src/request/prompt-blocks.ts";

export interface LookupFigures {
  readonly name: string;
  readonly micros: number;
  readonly garbageBytes: number;
  readonly rivalMicros: number;
  readonly rivalGarbageBytes: number;
}

const ROUNDS = 41;
const RUNS_PER_ROUND = 100;
const BLOCK_TOKENS = 16;
const GENERATION = 1;
/** Other prompts that the pods hold, so that the index does not fit into the processor's caches. */
const FILLER_PROMPTS = 400;

/** Blocks of the prompt that a pod holds, of all of them. */
const holdings: Readonly<Record<string, (slot: number, blocks: number) => number>> = {
  nothing: () => 0,
  "all of it": (_, blocks) => blocks,
  "a quarter; eight of them nearly all": (slot, blocks) => (slot < 8 ? blocks - 100 * slot : blocks / 4),
  "each another length": (slot, blocks) => 1 + ((slot * 7919) % blocks),
};

/** Stops at the first block that nobody holds. */
class MapOfSets {
  readonly #pods = new Map<number, Set<number>>();

  record(keys: BlockKeys, blocks: number, slot: number): void {
    for (let i = 0; i < blocks; i++) {
      const key = keyAt(keys, i);
      const holders = this.#pods.get(key);
      if (holders === undefined) this.#pods.set(key, new Set([slot]));
      else holders.add(slot);
    }
  }

  match(keys: BlockKeys, hits: Float64Array): void {
    hits.fill(0);
    for (let i = 0; i < keys.count; i++) {
      const holders = this.#pods.get(keyAt(keys, i));
      if (holders === undefined) return;
      for (const slot of holders) if (hits[slot] === i) hits[slot] = i + 1;
    }
  }
}

function keyAt({ lo, hi }: BlockKeys, i: number): number {
  return (hi[i] ?? 0) * 2 ** 21 + ((lo[i] ?? 0) >>> 11);
}

/** Microseconds and heap bytes per run. */
function measured(run: () => void): { micros: number; garbageBytes: number } {
  for (let i = 0; i < RUNS_PER_ROUND; i++) run();
  const micros: number[] = [];
  const garbage: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const heap = process.memoryUsage().heapUsed;
    const start = performance.now();
    for (let i = 0; i < RUNS_PER_ROUND; i++) run();
    micros.push(((performance.now() - start) * 1000) / RUNS_PER_ROUND);
    // A collection in between makes it less than nothing.
    garbage.push(Math.max(0, process.memoryUsage().heapUsed - heap) / RUNS_PER_ROUND);
  }
  return { micros: median(micros), garbageBytes: median(garbage) };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

export function lookupFigures(pods: number, blocks: number): LookupFigures[] {
  const slots = Int32Array.from({ length: pods }, (_, slot) => slot);
  const hits = new Float64Array(pods);
  const prompt = (id: number, count: number, keys: BlockKeys) =>
    keysOfIds({ ids: Int32Array.of(id), idTokens: 2 ** 30, tokens: count * BLOCK_TOKENS + 1 }, keys);
  return Object.entries(holdings).map(([name, holds], number) => {
    const index = new PrefixIndex({ budgetBytes: 256 * 2 ** 20, pods: { isCurrent: () => true } });
    const rival = new MapOfSets();
    const keys = new BlockKeys();
    const put = (slot: number, count: number) => {
      index.release(index.record(keys, slot as Slot, GENERATION));
      rival.record(keys, count, slot);
    };
    for (let filler = 0; filler < FILLER_PROMPTS; filler++) {
      prompt(1_000 + filler, blocks / 4, keys);
      put(filler % pods, keys.count);
    }
    for (const slot of slots) {
      prompt(number, holds(slot, blocks), keys);
      put(slot, keys.count);
    }
    prompt(number, blocks, keys);
    const ours = measured(() => index.match(keys, slots, pods, hits));
    const theirs = measured(() => rival.match(keys, hits));
    return { name, ...ours, rivalMicros: theirs.micros, rivalGarbageBytes: theirs.garbageBytes };
  });
}

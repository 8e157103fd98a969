/**
 * A pod's KV cache in the index's own unit. An engine counts tokens, a prompt is seen as bytes: a token counts as four,
 * which is about right for text; half or twice as many cost little, as they change only what is believed to be evicted.
 *
 * Blocks are 64 bytes (16 tokens) times a power of two, the nearest to the engine's, so that the keys of one prompt,
 * hashed in the finest blocks in use, serve all pods: one with blocks four times as long holds every fourth key.
 */

/** What is known of a pod's KV cache; NaN or left out: unknown. */
export interface CacheFacts {
  readonly blockTokens?: number;
  /** In all engines of the pod. */
  readonly blocks?: number;
}

/** Of the finest block, BLOCK_BYTES long, and vLLM's own default. */
export const FINEST_TOKENS = 16;
/** Blocks of 4,096 tokens: longer ones are no use for prompts. */
const MAX_GRAIN = 8;
export const GRAINS = MAX_GRAIN + 1;

export class PodCache {
  /** A block has BLOCK_BYTES << grain bytes. */
  readonly grain: number;
  /** Blocks the cache holds. */
  readonly capacity: number;

  constructor(grain: number, capacity: number) {
    this.grain = grain;
    this.capacity = capacity;
  }
}

/** undefined where the size of the pod's blocks is unknown; `podEntries` finest blocks are believed where their number is. */
export function podCacheOf(facts: CacheFacts, podEntries: number): PodCache | undefined {
  const blockTokens = known(facts.blockTokens);
  if (blockTokens === 0) return undefined;
  const grain = Math.min(MAX_GRAIN, Math.max(0, Math.round(Math.log2(blockTokens / FINEST_TOKENS))));
  const blocks = known(facts.blocks);
  if (blocks === 0) return unknownCache(grain, podEntries);
  return new PodCache(grain, Math.max(1, Math.floor((blocks * blockTokens) / (FINEST_TOKENS << grain))));
}

export function unknownCache(grain: number, podEntries: number): PodCache {
  return new PodCache(grain, Math.ceil(podEntries / 2 ** grain));
}

/** 0 where it is not. */
function known(value: number | undefined): number {
  return value !== undefined && value > 0 && Number.isFinite(value) ? value : 0;
}

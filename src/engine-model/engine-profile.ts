/** What is known of the hardware and of the scheduler's limits: the constants behind a step's seconds. */

export interface EngineProfile {
  readonly name: string;
  /** o: seconds every step costs, whatever it computes. */
  readonly overheadSeconds: number;
  /** f: the floor of a forward pass, reading the weights. */
  readonly floorSeconds: number;
  /** b: seconds per token of a large batch. */
  readonly tokenSeconds: number;
  /** a: seconds per token of prefill and token of its context (the quadratic part of attention). */
  readonly prefillContextSeconds: number;
  /** k: seconds per token of context that a decoding sequence reads. */
  readonly decodeContextSeconds: number;
  /** s: seconds per sequence in the step. */
  readonly sequenceSeconds: number;
  /** Tokens the KV cache holds beside the weights. */
  readonly kvTokens: number;
}

const milli = 1e-3;
const micro = 1e-6;
const nano = 1e-9;

/** Estimates from published GPU profiles: right in shape, expect 10-20 % error in seconds. */
export const engineProfiles = {
  "llama-3.1-8b-h100": {
    name: "llama-3.1-8b-h100",
    overheadSeconds: 1.15 * milli,
    floorSeconds: 6.5 * milli,
    tokenSeconds: 21.9 * micro,
    prefillContextSeconds: 1.5 * nano,
    decodeContextSeconds: 76 * nano,
    sequenceSeconds: 4.4 * micro,
    kvTokens: 400_000,
  },
  "llama-3-70b-tp4": {
    name: "llama-3-70b-tp4",
    overheadSeconds: 3.5 * milli,
    floorSeconds: 14.4 * milli,
    tokenSeconds: 58 * micro,
    prefillContextSeconds: 1.9 * nano,
    decodeContextSeconds: 48 * nano,
    sequenceSeconds: 4.4 * micro,
    kvTokens: 420_000,
  },
  "qwen3-32b-tp2": {
    name: "qwen3-32b-tp2",
    overheadSeconds: 3 * milli,
    floorSeconds: 13 * milli,
    tokenSeconds: 62 * micro,
    prefillContextSeconds: 3 * nano,
    decodeContextSeconds: 76 * nano,
    sequenceSeconds: 4.4 * micro,
    kvTokens: 307_000,
  },
} as const satisfies Record<string, EngineProfile>;

export interface EngineOptions {
  readonly profile: EngineProfile;
  /** Tokens per KV block, the unit of the prefix cache. */
  readonly blockTokens: number;
  /** Overrides the profile's KV capacity when given; rounded down to whole blocks. */
  readonly kvTokens: number;
  /** Tokens one step may compute. */
  readonly stepTokens: number;
  /** Sequences that may run at once. */
  readonly maxSequences: number;
  /** Constant seconds between arrival and queue: tokenizing, HTTP, hand-over between processes. */
  readonly apiSeconds: number;
  /** Decides the ids of generated tokens where a request names none. */
  readonly seed: number;
}

/** Fills what is left out: an 8B model on one H100 with vLLM's default limits. */
export function engineOptions(partial: Partial<EngineOptions> = {}): EngineOptions {
  const profile = partial.profile ?? engineProfiles["llama-3.1-8b-h100"];
  const options: EngineOptions = {
    profile,
    blockTokens: partial.blockTokens ?? 16,
    kvTokens: partial.kvTokens ?? profile.kvTokens,
    stepTokens: partial.stepTokens ?? 8192,
    maxSequences: partial.maxSequences ?? 256,
    apiSeconds: partial.apiSeconds ?? 0,
    seed: partial.seed ?? 0,
  };
  for (const name of ["blockTokens", "stepTokens", "maxSequences"] as const) {
    if (!Number.isInteger(options[name]) || options[name] < 1) {
      throw new RangeError(`${name} must be a whole number of at least 1, got ${options[name]}`);
    }
  }
  if (!(options.kvTokens >= options.blockTokens)) {
    throw new RangeError(`kvTokens must hold at least one block of ${options.blockTokens}, got ${options.kvTokens}`);
  }
  return Object.freeze(options);
}

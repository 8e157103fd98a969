/** A small seeded generator (mulberry32) for tie-breaks and samples: repeatable where a seed is given. */
export class SeededRandom {
  #state = 0;

  /** From here on the numbers are those of this seed. */
  begin(seed: number): void {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1); a property, so that it can be handed on alone. */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function seededRandom(seed: number): () => number {
  const random = new SeededRandom();
  random.begin(seed);
  return random.next;
}

/** A seed drawn from `random`. */
export function drawSeed(random: () => number): number {
  return Math.floor(random() * 2 ** 32);
}

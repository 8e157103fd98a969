/** The prefix index as one would write it without a care for speed: the oracle of its tests. */

interface NaivePod {
  readonly slot: number;
  readonly generation: number;
  readonly capacity: number;
  /** Keys from the one let go last to the one let go first. */
  idle: string[];
  /** How many requests need the key. */
  readonly pinned: Map<string, number>;
  /** Keys that one request alone has used. */
  readonly fresh: Set<string>;
}

export interface NaivePin {
  readonly pod: NaivePod;
  keys: readonly string[];
}

export class NaivePrefixIndex {
  evictions = 0;
  readonly #records: number;
  readonly #capacity: number;
  /** A new pod takes the first place that is free; of two equally idle pods the first is the victim. */
  readonly #places: (NaivePod | undefined)[] = [];

  /** `records` is how many blocks and entries there is room for, each counting one. */
  constructor(records: number, capacity: number) {
    this.#records = records;
    this.#capacity = capacity;
  }

  get entries(): number {
    return this.#pods().reduce((sum, pod) => sum + sizeOf(pod), 0);
  }

  get pinned(): number {
    return this.#pods().reduce((sum, pod) => sum + pod.pinned.size, 0);
  }

  forget(slot: number): void {
    const place = this.#places.findIndex((pod) => pod?.slot === slot);
    if (place !== -1) this.#places[place] = undefined;
  }

  /** How many leading keys the pod holds. */
  held(prompt: readonly string[], slot: number): number {
    const pod = this.#podAt(slot);
    const missing = prompt.findIndex((key) => pod === undefined || !(pod.pinned.has(key) || pod.idle.includes(key)));
    return missing === -1 ? prompt.length : missing;
  }

  record(prompt: readonly string[], slot: number, generation: number): NaivePin | undefined {
    if (prompt.length === 0) return undefined;
    const pod = this.#admit(slot, generation);
    const held = prompt.slice(0, this.held(prompt, slot));
    for (const key of held) {
      pod.pinned.set(key, (pod.pinned.get(key) ?? 0) + 1);
      pod.fresh.delete(key);
    }
    pod.idle = pod.idle.filter((key) => !held.includes(key));
    let depth = held.length;
    for (; depth < prompt.length && this.#makeRoomIn(pod) && this.#makeRoom(); depth++) {
      pod.pinned.set(prompt[depth] as string, 1);
      pod.fresh.add(prompt[depth] as string);
    }
    return depth === 0 ? undefined : { pod, keys: prompt.slice(0, depth) };
  }

  release({ pod, keys }: NaivePin): void {
    for (const key of keys.toReversed()) {
      const pins = (pod.pinned.get(key) ?? 0) - 1;
      pod.pinned.set(key, pins);
      pod.fresh.delete(key);
      if (pins > 0) continue;
      pod.pinned.delete(key);
      pod.idle.unshift(key);
    }
  }

  withdraw(pin: NaivePin): void {
    const { pod } = pin;
    for (let key = pin.keys.at(-1); key !== undefined && pod.fresh.has(key); key = pin.keys.at(-1)) {
      pod.pinned.delete(key);
      pod.fresh.delete(key);
      pin.keys = pin.keys.slice(0, -1);
    }
    this.release(pin);
  }

  move(pin: NaivePin, slot: number, generation: number): NaivePin | undefined {
    const { pod, keys } = pin;
    if (this.#podAt(pod.slot) !== pod) return undefined;
    this.withdraw(pin);
    return this.record(keys, slot, generation);
  }

  #pods(): NaivePod[] {
    return this.#places.filter((pod) => pod !== undefined);
  }

  #podAt(slot: number): NaivePod | undefined {
    return this.#pods().find((pod) => pod.slot === slot);
  }

  #admit(slot: number, generation: number): NaivePod {
    const known = this.#podAt(slot);
    if (known?.generation === generation) return known;
    this.forget(slot);
    const fresh = new Set<string>();
    const pod = { slot, generation, capacity: this.#capacity, idle: [], pinned: new Map<string, number>(), fresh };
    const place = this.#places.indexOf(undefined);
    this.#places[place === -1 ? this.#places.length : place] = pod;
    return pod;
  }

  #free(): number {
    const blocks = new Set(this.#pods().flatMap((pod) => [...pod.idle, ...pod.pinned.keys()]));
    return this.#records - this.entries - blocks.size;
  }

  #makeRoomIn(pod: NaivePod): boolean {
    if (sizeOf(pod) < pod.capacity) return true;
    return this.#evict(pod, 1) > 0;
  }

  #makeRoom(): boolean {
    while (this.#free() < 2) {
      let victim: NaivePod | undefined;
      for (const pod of this.#pods()) {
        if (pod.idle.length > (victim?.idle.length ?? 0)) victim = pod;
      }
      if (victim === undefined) return false;
      this.#evict(victim, 1 + Math.floor(victim.idle.length / 64));
    }
    return true;
  }

  #evict(pod: NaivePod, count: number): number {
    const evicted = Math.min(count, pod.idle.length);
    pod.idle.length -= evicted;
    this.evictions += evicted;
    return evicted;
  }
}

function sizeOf(pod: NaivePod): number {
  return pod.idle.length + pod.pinned.size;
}

/**
 * What a match tells of pods that hold so many leading blocks: the longest heads as they are, until the pods that hold
 * a length or more, summed over lengths, are `exactHolders`; below that half of the last length, half of that ...
 */
export function toldBlocks(held: readonly number[], exactHolders: number): number[] {
  const told = held.map(() => 0);
  let looked = 0;
  for (let length = Math.max(...held); length > 0; ) {
    for (const [pod, blocks] of held.entries()) if (blocks >= length && told[pod] === 0) told[pod] = length;
    looked += held.filter((blocks) => blocks >= length).length;
    const most = looked < exactHolders ? length - 1 : Math.floor(length / 2);
    length = Math.max(0, ...held.filter((blocks) => blocks < length).map((blocks) => Math.min(blocks, most)));
  }
  return told;
}

/** The prefix index as one would write it without a care for speed: the oracle of its tests. */

interface NaivePod {
  readonly slot: number;
  readonly generation: number;
  /** Keys from the newest to the oldest use. */
  keys: string[];
}

export class NaivePrefixIndex {
  evictions = 0;
  readonly #records: number;
  readonly #podEntries: number;
  /** A new pod takes the first place that is free; of two equally large pods the first is the victim. */
  readonly #places: (NaivePod | undefined)[] = [];

  /** `records` is how many blocks and entries there is room for, each counting one. */
  constructor(records: number, podEntries: number) {
    this.#records = records;
    this.#podEntries = podEntries;
  }

  get entries(): number {
    return this.#pods().reduce((sum, pod) => sum + pod.keys.length, 0);
  }

  forget(slot: number): void {
    const place = this.#places.findIndex((pod) => pod?.slot === slot);
    if (place !== -1) this.#places[place] = undefined;
  }

  /** How many leading keys the pod holds. */
  held(prompt: readonly string[], slot: number): number {
    const keys = this.#podAt(slot)?.keys ?? [];
    const missing = prompt.findIndex((key) => !keys.includes(key));
    return missing === -1 ? prompt.length : missing;
  }

  record(prompt: readonly string[], slot: number, generation: number): void {
    if (prompt.length === 0) return;
    const pod = this.#admit(slot, generation);
    const held = this.held(prompt, slot);
    const path = prompt.slice(0, held);
    pod.keys = [...path, ...pod.keys.filter((key) => !path.includes(key))];
    for (let depth = held; depth < prompt.length; depth++) {
      if (pod.keys.length >= this.#podEntries && !this.#evict(pod, 1, depth, pod)) return;
      if (!this.#makeRoom(pod, depth)) return;
      pod.keys.splice(depth, 0, prompt[depth] as string);
    }
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
    const pod: NaivePod = { slot, generation, keys: [] };
    const place = this.#places.indexOf(undefined);
    this.#places[place === -1 ? this.#places.length : place] = pod;
    return pod;
  }

  #free(): number {
    const blocks = new Set(this.#pods().flatMap((pod) => pod.keys));
    return this.#records - this.entries - blocks.size;
  }

  #makeRoom(recording: NaivePod, kept: number): boolean {
    while (this.#free() < 2) {
      let victim: NaivePod | undefined;
      for (const pod of this.#pods()) {
        if (pod.keys.length > (victim?.keys.length ?? 0)) victim = pod;
      }
      if (victim === undefined) return false;
      if (!this.#evict(victim, 1 + Math.floor(victim.keys.length / 64), kept, recording)) return false;
    }
    return true;
  }

  /** The oldest keys go, but for the first `kept` of the pod being recorded. */
  #evict(pod: NaivePod, count: number, kept: number, recording: NaivePod): boolean {
    const evictable = Math.min(count, pod.keys.length - (pod === recording ? kept : 0));
    pod.keys.length -= evictable;
    this.evictions += evictable;
    return evictable > 0;
  }
}

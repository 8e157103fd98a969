/**
 * The pods pointsman knows, as small integers with columns of numbers beside them.
 *
 *   slot          0        1        2        3
 *   pod           A (g1)   -        C (g4)   D (g1)      facts: objects
 *   waiting       2        NaN      0        7           readings: one Float64Array per column
 *   inFlight      3        0        1        9
 *
 * A pod that leaves frees its slot; the slot's next tenant has another generation, so whoever kept slot and
 * generation (a ticket, a prefix entry) can tell that "its" pod is gone.
 */
import { type PodColumn, podColumnNames } from "./columns.ts";

declare const slotBrand: unique symbol;
/** Index into the table's columns; branded, so that a candidate's row number cannot be used in its place. */
export type Slot = number & { readonly [slotBrand]: true };

export interface PodSpec {
  readonly name: string;
  /** `ip:port` (IPv6 in brackets): the very string Envoy is told. */
  readonly address: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Pod extends PodSpec {
  readonly slot: Slot;
  readonly generation: number;
}

/** Told of every pod that leaves, after its slot is cleared. */
export type LeaveListener = (pod: Pod) => void;

const INITIAL_CAPACITY = 16;

export class PodTable {
  /** Slots in use, dense, in the order of joining; the first `size` entries count. */
  live = new Int32Array(INITIAL_CAPACITY);
  size = 0;
  /** By slot: 1 while the pod answers, 0 once it refused or dropped connections (it stays known). */
  reachable = new Uint8Array(INITIAL_CAPACITY);
  readonly columns: Record<PodColumn, Float64Array>;
  #pods: (Pod | undefined)[] = [];
  #generations: number[] = [];
  #byAddress = new Map<string, Pod>();
  #free: Slot[] = [];
  #leaveListeners: LeaveListener[] = [];

  constructor() {
    this.columns = Object.fromEntries(
      podColumnNames.map((name) => [name, new Float64Array(INITIAL_CAPACITY)]),
    ) as Record<PodColumn, Float64Array>;
  }

  /** Room in every per-slot array; they are replaced when it grows, so nobody keeps them across a join. */
  get capacity(): number {
    return this.live.length;
  }

  onLeave(listener: LeaveListener): void {
    this.#leaveListeners.push(listener);
  }

  /** Makes the table hold exactly `specs` (by address); pods that stay keep slot, generation and readings. */
  reconcile(specs: readonly PodSpec[]): { joined: Pod[]; left: Pod[] } {
    const wanted = new Map(specs.map((spec) => [spec.address, spec]));
    const left: Pod[] = [];
    for (const pod of [...this.#byAddress.values()]) {
      if (!wanted.has(pod.address)) {
        this.#leave(pod);
        left.push(pod);
      }
    }
    const joined: Pod[] = [];
    for (const spec of wanted.values()) {
      if (!this.#byAddress.has(spec.address)) joined.push(this.#join(spec));
    }
    return { joined, left };
  }

  podAt(slot: Slot): Pod | undefined {
    return this.#pods[slot];
  }

  byAddress(address: string): Pod | undefined {
    return this.#byAddress.get(address);
  }

  /** Is this still the pod that holds its slot? */
  isCurrent(slot: Slot, generation: number): boolean {
    return this.#pods[slot]?.generation === generation;
  }

  pods(): Pod[] {
    return [...this.#byAddress.values()];
  }

  #join(spec: PodSpec): Pod {
    const slot = this.#free.pop() ?? (this.#pods.length as Slot);
    if (slot >= this.capacity) this.#grow();
    const generation = (this.#generations[slot] ?? 0) + 1;
    const pod: Pod = Object.freeze({ ...spec, slot, generation });
    this.#generations[slot] = generation;
    this.#pods[slot] = pod;
    this.#byAddress.set(pod.address, pod);
    this.live[this.size++] = slot;
    this.reachable[slot] = 1;
    for (const name of podColumnNames) this.columns[name][slot] = name === "inFlight" ? 0 : Number.NaN;
    return pod;
  }

  #leave(pod: Pod): void {
    const at = this.live.indexOf(pod.slot);
    this.live.copyWithin(at, at + 1, this.size);
    this.size--;
    this.#pods[pod.slot] = undefined;
    this.#byAddress.delete(pod.address);
    this.#free.push(pod.slot);
    for (const listener of this.#leaveListeners) listener(pod);
  }

  #grow(): void {
    const capacity = this.capacity * 2;
    const live = new Int32Array(capacity);
    live.set(this.live);
    this.live = live;
    const reachable = new Uint8Array(capacity);
    reachable.set(this.reachable);
    this.reachable = reachable;
    for (const name of podColumnNames) {
      const column = new Float64Array(capacity);
      column.set(this.columns[name]);
      this.columns[name] = column;
    }
  }
}

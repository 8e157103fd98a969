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
import { initialOf, type PodColumn, podColumnNames } from "./columns.ts";

declare const slotBrand: unique symbol;
/** Index into the table's columns; branded, so that a candidate's row number cannot be used in its place. */
export type Slot = number & { readonly [slotBrand]: true };

export interface PodSpec {
  readonly name: string;
  /** `ip:port` (IPv6 in brackets): the very string Envoy is told. */
  readonly address: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** What tells a pod from another that takes over its address; without it the name does. */
  readonly uid?: string;
  /** The pool it belongs to, where the source tells it; otherwise that of the source. */
  readonly pool?: string;
}

export interface Pod {
  readonly name: string;
  readonly address: string;
  /** As last told; the one fact that may change while a pod stays. */
  readonly labels: Readonly<Record<string, string>>;
  readonly slot: Slot;
  readonly generation: number;
}

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

class TablePod implements Pod {
  readonly name: string;
  readonly address: string;
  readonly slot: Slot;
  readonly generation: number;
  readonly identity: string;
  labels: Readonly<Record<string, string>>;

  constructor(spec: PodSpec, slot: Slot, generation: number) {
    this.name = spec.name;
    this.address = spec.address;
    this.identity = identityOf(spec);
    this.labels = spec.labels ?? noLabels;
    this.slot = slot;
    this.generation = generation;
  }
}

function identityOf({ uid, name }: PodSpec): string {
  return uid ?? name;
}

/** Told of every pod that leaves, after its slot is cleared. */
export type LeaveListener = (pod: Pod) => void;

const INITIAL_CAPACITY = 16;

export class PodTable {
  /** Slots in use, dense, in the order of joining; the first `size` entries count. */
  live = new Int32Array(INITIAL_CAPACITY);
  size = 0;
  /**
   * By slot: 1 while the pod answers, 0 once it refused or dropped connections, or took them and fell silent (it stays
   * known). Kept by the scraper.
   */
  reachable = new Uint8Array(INITIAL_CAPACITY);
  /** By slot: 1 while the pod is set aside because requests to it fail. Kept by accounting. */
  setAside = new Uint8Array(INITIAL_CAPACITY);
  /** By slot: share of the picks a newcomer takes part in, 1 once it is settled. Kept by accounting. */
  admission = new Float64Array(INITIAL_CAPACITY);
  /** By slot: when the page was complete that the pod's readings are from, NaN before the first. Kept by the scraper. */
  toldAtMs = new Float64Array(INITIAL_CAPACITY);
  readonly columns: Record<PodColumn, Float64Array>;
  #pods: (TablePod | undefined)[] = [];
  #generations: number[] = [];
  #byAddress = new Map<string, TablePod>();
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

  /**
   * Makes the table hold exactly `specs`, one per address; pods that stay keep slot, generation and readings. Another
   * pod at a known address is another pod: the one before has left.
   */
  reconcile(specs: readonly PodSpec[]): { joined: Pod[]; left: Pod[] } {
    const wanted = new Map(specs.map((spec) => [spec.address, spec]));
    const left: Pod[] = [];
    for (const pod of [...this.#byAddress.values()]) {
      const spec = wanted.get(pod.address);
      if (spec !== undefined && identityOf(spec) === pod.identity) continue;
      this.#leave(pod);
      left.push(pod);
    }
    const joined: Pod[] = [];
    for (const spec of wanted.values()) {
      const known = this.#byAddress.get(spec.address);
      if (known === undefined) joined.push(this.#join(spec));
      else known.labels = spec.labels ?? noLabels;
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
    const pod = new TablePod(spec, slot, generation);
    this.#generations[slot] = generation;
    this.#pods[slot] = pod;
    this.#byAddress.set(pod.address, pod);
    this.live[this.size++] = slot;
    this.reachable[slot] = 1;
    this.setAside[slot] = 0;
    this.admission[slot] = 1;
    this.toldAtMs[slot] = Number.NaN;
    for (const name of podColumnNames) this.columns[name][slot] = initialOf(name);
    return pod;
  }

  #leave(pod: TablePod): void {
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
    this.live = grown(this.live, new Int32Array(capacity));
    this.reachable = grown(this.reachable, new Uint8Array(capacity));
    this.setAside = grown(this.setAside, new Uint8Array(capacity));
    this.admission = grown(this.admission, new Float64Array(capacity));
    this.toldAtMs = grown(this.toldAtMs, new Float64Array(capacity));
    for (const name of podColumnNames) this.columns[name] = grown(this.columns[name], new Float64Array(capacity));
  }
}

function grown<A extends Int32Array | Uint8Array | Float64Array>(from: A, into: A): A {
  into.set(from);
  return into;
}

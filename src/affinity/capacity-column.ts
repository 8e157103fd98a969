/** Owner of the request column capacity: what each pod can carry, by a label of its, or else by its KV blocks. */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";

/** What a label said, as long as the pod has these labels: they are replaced as a whole when they change. */
interface Reading {
  readonly labels: Pod["labels"];
  readonly weight: number;
}

export class CapacityColumn {
  readonly #table: PodTable;
  readonly #label: string;
  readonly #blocksOf: (pod: Pod) => number;
  readonly #readings: (Reading | undefined)[] = [];

  /** `label` is "" where the KV blocks count. */
  constructor(table: PodTable, label: string, blocksOf: (pod: Pod) => number) {
    this.#table = table;
    this.#label = label;
    this.#blocksOf = blocksOf;
  }

  /** Unknown for a pod that has no such label, or tells no blocks. */
  fill(_request: InferenceRequest, slots: Int32Array, size: number, out: Float64Array): void {
    for (let row = 0; row < size; row++) {
      const pod = this.#table.podAt((slots[row] ?? -1) as Slot);
      if (pod === undefined) out[row] = Number.NaN;
      else out[row] = this.#label === "" ? this.#blocksOf(pod) : this.#labelled(pod);
    }
  }

  learn(): undefined {
    return undefined;
  }

  #labelled({ slot, labels }: Pod): number {
    const known = this.#readings[slot];
    if (known?.labels === labels) return known.weight;
    const written = labels[this.#label]?.trim() ?? "";
    const number = written === "" ? Number.NaN : Number(written);
    const weight = number >= 0 && Number.isFinite(number) ? number : Number.NaN;
    this.#readings[slot] = { labels, weight };
    return weight;
  }
}

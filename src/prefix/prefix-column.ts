/** Owner of the request column prefixHit: hashes a request's prompt, asks the index, and tells it of the pick. */
import type { Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { BlockKeys, hashPrompt } from "../request/prompt-blocks.ts";
import type { PrefixIndex } from "./prefix-index.ts";

export class PrefixColumn {
  readonly #index: PrefixIndex;
  /** Of the request last filled, until its pick is learnt. */
  readonly #keys = new BlockKeys();

  constructor(index: PrefixIndex) {
    this.#index = index;
  }

  /** A request without a prompt hits nowhere: 0, not unknown. */
  fill(request: InferenceRequest, slots: Int32Array, size: number, out: Float64Array): void {
    hashPrompt(request, this.#keys);
    this.#index.match(this.#keys, slots, size, out);
  }

  /** Once per fill: a pick made without the column must not be learnt for the request before it. */
  learn(slot: Slot, generation: number): void {
    this.#index.record(this.#keys, slot, generation);
    this.#keys.count = 0;
  }
}

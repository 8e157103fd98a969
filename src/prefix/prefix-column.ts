/** Owner of the request column prefixHit: hashes a request's prompt, asks the index, and tells it of the pick. */
import type { Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { BlockKeys, hashPrompt } from "../request/prompt-blocks.ts";
import type { Lesson, Pin, PrefixIndex } from "./prefix-index.ts";

/** Fills `keys` with those of the request's prompt, in blocks of this size. */
export type ReadKeys = (request: InferenceRequest, keys: BlockKeys, blockBytes: number) => void;

export class PrefixColumn {
  readonly #index: PrefixIndex;
  readonly #readKeys: ReadKeys;
  /** Of the request last filled, until its pick is learnt. */
  readonly #keys = new BlockKeys();

  /** Keys come from the prompt's text, unless the caller knows them from elsewhere, such as a trace. */
  constructor(index: PrefixIndex, readKeys: ReadKeys = hashPrompt) {
    this.#index = index;
    this.#readKeys = readKeys;
  }

  /** A request without a prompt hits nowhere: 0, not unknown. */
  fill(request: InferenceRequest, slots: Int32Array, size: number, out: Float64Array): void {
    this.#readKeys(request, this.#keys, this.#index.blockBytes);
    this.#index.match(this.#keys, slots, size, out);
  }

  /**
   * Once per fill: a pick made without the column must not be learnt for the request before it. The pin returned is
   * the caller's to end, with the request's ticket.
   */
  learn(slot: Slot, generation: number): Pin | undefined {
    const pin = this.#index.record(this.#keys, slot, generation);
    this.#keys.count = 0;
    return pin;
  }

  /** The prompt's keys in a copy of their own: many other prompts come before its pod is known. */
  keep(): Lesson | undefined {
    const { count } = this.#keys;
    if (count === 0) return undefined;
    const keys = this.#keys.copy();
    this.#keys.count = 0;
    return (slot, generation) => this.#index.record(keys, slot, generation);
  }
}

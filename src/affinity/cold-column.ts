/**
 * Owner of the request column coldRank: whose turn it is for a prompt that nobody has cached. Pods that never had such
 * a prompt come first, in the order of the candidates, then the one whose last is longest ago.
 */
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { Lesson } from "../prefix/prefix-index.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { highest } from "../routing/normalise.ts";

interface HitColumn {
  readonly prefixHit: Float64Array;
}

export class ColdColumn {
  /** Slots by their last cold prompt, oldest first. */
  readonly #used = new Set<Slot>();
  /** Row by slot in the fill at hand, -1 for slots that are no candidate. */
  #rowOf = new Int32Array(0);
  /** Was the prompt filled last cold? */
  #isCold = false;

  constructor(table: PodTable) {
    table.onLeave(({ slot }) => this.#used.delete(slot));
  }

  /** Unknown for a request without a prompt: its pick is nobody's turn, so that it must not go by turns either. */
  fill(request: InferenceRequest, slots: Int32Array, size: number, out: Float64Array, { prefixHit }: HitColumn): void {
    const hasPrompt = request.prompt !== null;
    this.#isCold = hasPrompt && !(highest(prefixHit, size) > 0);
    if (!this.#isCold) {
      out.fill(hasPrompt ? 0 : Number.NaN, 0, size);
      return;
    }
    let rank = 0;
    this.#noteRows(slots, size);
    for (let row = 0; row < size; row++) if (!this.#used.has((slots[row] ?? -1) as Slot)) out[row] = rank++;
    for (const slot of this.#used) {
      const row = this.#rowOf[slot] ?? -1;
      if (row >= 0) out[row] = rank++;
    }
  }

  /** Only a cold prompt makes the pod wait for its next turn. */
  learn(slot: Slot): undefined {
    if (this.#isCold) this.#take(slot);
  }

  keep(): Lesson | undefined {
    return this.#isCold ? (slot) => this.#take(slot) : undefined;
  }

  #take(slot: Slot): undefined {
    this.#used.delete(slot);
    this.#used.add(slot);
  }

  #noteRows(slots: Int32Array, size: number): void {
    let top = 0;
    for (let row = 0; row < size; row++) top = Math.max(top, slots[row] ?? 0);
    if (this.#rowOf.length <= top) this.#rowOf = new Int32Array(2 * (top + 1));
    this.#rowOf.fill(-1);
    for (let row = 0; row < size; row++) this.#rowOf[slots[row] ?? 0] = row;
  }
}

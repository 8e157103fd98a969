/** Owner of the request column lengthFit: how well a prompt's length suits the range in each pod's label. */
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { ContextLabel } from "../routing/context-range.ts";
import { promptTokensOf } from "../scorer.ts";

export class ContextColumn {
  readonly #table: PodTable;
  readonly #label: ContextLabel;

  constructor(table: PodTable, label: string) {
    this.#table = table;
    this.#label = new ContextLabel(label);
  }

  fill(request: InferenceRequest, slots: Int32Array, size: number, out: Float64Array): void {
    const tokens = Math.floor(promptTokensOf(request));
    for (let row = 0; row < size; row++) {
      const pod = this.#table.podAt((slots[row] ?? -1) as Slot);
      out[row] = pod === undefined ? Number.NaN : this.#label.fit(pod, tokens);
    }
  }

  learn(): undefined {
    return undefined;
  }
}

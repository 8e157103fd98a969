/** Owner of the request column headerMatch: which pods carry in a label what the request says in a header. */
import type { PodTable, Slot } from "../pods/pod-table.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { CandidateColumns } from "../routing/candidates.ts";
import type { RouteHints } from "../routing/choose-pool.ts";

export class HeaderLabelColumn {
  /** All it reads. */
  readonly headers: readonly string[];
  readonly #table: PodTable;
  readonly #header: string;
  readonly #label: string;

  constructor(table: PodTable, { header, label }: { readonly header: string; readonly label: string }) {
    this.#table = table;
    this.#header = header.toLowerCase();
    this.#label = label;
    this.headers = this.#header === "" ? [] : [this.#header];
  }

  /** A request without the header matches nowhere: 0, not unknown. */
  fill(
    _request: InferenceRequest,
    slots: Int32Array,
    size: number,
    out: Float64Array,
    _filled: Readonly<CandidateColumns>,
    { headers }: RouteHints,
  ): void {
    const wanted = headers?.[this.#header] ?? "";
    for (let row = 0; row < size; row++) {
      const labels = this.#table.podAt((slots[row] ?? -1) as Slot)?.labels;
      out[row] = wanted !== "" && labels?.[this.#label] === wanted ? 1 : 0;
    }
  }

  learn(): undefined {
    return undefined;
  }
}

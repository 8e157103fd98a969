/**
 * The columns of requests in a replay of a decision log: as the log tells them, and prefix hits by the prompts'
 * fingerprints where it does not, learnt from where the requests really went.
 */

import type { PickLine } from "../explain/log-line.ts";
import { readFingerprint } from "../explain/prompt-fingerprint.ts";
import { type ColumnName, type RequestColumn, requestColumnNames } from "../pods/columns.ts";
import type { Pod, PodTable } from "../pods/pod-table.ts";
import { PrefixIndex } from "../prefix/prefix-index.ts";
import { keysOfIds } from "../prefix/prompt-ids.ts";
import { BlockKeys } from "../request/prompt-blocks.ts";
import type { RequestColumnOwner } from "../routing/request-column-owner.ts";

const INDEX_BYTES = 256 * 1024 ** 2;

/** Those that are told only where the profile of the log reads them. */
export const AFFINE_COLUMNS: ReadonlySet<ColumnName> = new Set(requestColumnNames);

export class LoggedColumns {
  readonly owners: Readonly<Record<RequestColumn, RequestColumnOwner>>;
  readonly told = new Set<ColumnName>();
  readonly #table: PodTable;
  readonly #index: PrefixIndex;
  readonly #keys = new BlockKeys();
  #line: PickLine | undefined;
  #pods: readonly Pod[] = [];
  /** The process that the index is about: fingerprints of another are other numbers. */
  #process = "";

  constructor(table: PodTable) {
    this.#table = table;
    this.#index = new PrefixIndex({ budgetBytes: INDEX_BYTES, pods: table });
    const owners = requestColumnNames.map((name) => [name, this.#ownerOf(name)] as const);
    this.owners = Object.fromEntries(owners) as Record<RequestColumn, RequestColumnOwner>;
  }

  /** `pods` are the line's candidates, in its order. */
  begin(line: PickLine, pods: readonly Pod[]): void {
    const process = line.id.slice(0, line.id.indexOf("-"));
    if (process !== this.#process) for (const { slot } of this.#table.pods()) this.#index.forgetPod(slot);
    this.#process = process;
    this.#line = line;
    this.#pods = pods;
  }

  /** The request went where the log says. */
  learn({ pick }: PickLine): void {
    const pod = this.#pods.find(({ address }) => address === pick?.address);
    if (pod === undefined || !this.#readKeys()) return;
    this.#index.release(this.#index.record(this.#keys, pod.slot, pod.generation));
  }

  #ownerOf(name: RequestColumn): RequestColumnOwner {
    return {
      fill: (_request, slots, size, out) => {
        const values = this.#line?.candidates.signals[name];
        if (values !== undefined) this.told.add(name);
        else if (name === "prefixHit" && this.#match(slots, size, out)) return;
        for (let row = 0; row < size; row++) {
          const at = this.#pods.findIndex(({ slot }) => slot === slots[row]);
          out[row] = values?.[at] ?? Number.NaN;
        }
      },
      learn: () => undefined,
    };
  }

  #match(slots: Int32Array, size: number, out: Float64Array): boolean {
    this.told.add("prefixHit");
    if (!this.#readKeys()) out.fill(0, 0, size);
    else this.#index.match(this.#keys, slots, size, out);
    return true;
  }

  #readKeys(): boolean {
    const { prefix, promptTokens } = this.#line ?? {};
    if (prefix === undefined || promptTokens === undefined) return false;
    const ids = readFingerprint(prefix.ids);
    // What is behind the last whole block of the fingerprint has no number.
    const tokens = Math.min(promptTokens, ids.length * prefix.blockTokens);
    keysOfIds({ ids, idTokens: prefix.blockTokens, tokens }, this.#keys, this.#index.blockBytes);
    this.#keys.totalBytes *= promptTokens / Math.max(1, tokens);
    return true;
  }
}

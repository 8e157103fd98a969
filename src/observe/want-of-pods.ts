/** Says it once when there is nothing to pick from, pool by pool and source by source, and once when that is over. */
import type { SourceState } from "../discovery/discovery.ts";
import type { PodTable } from "../pods/pod-table.ts";
import type { Pool } from "../pods/pool.ts";
import { usableIn } from "../pods/usable-pods.ts";
import type { Logger } from "./log.ts";

export interface WantOfPodsParts {
  readonly log: Logger;
  readonly table: PodTable;
  readonly pools: () => readonly Pool[];
  readonly sources: () => readonly SourceState[];
}

export class WantOfPods {
  readonly #parts: WantOfPodsParts;
  /** What was said and is not over: pools without a usable pod, sources without any. */
  readonly #said = new Set<string>();

  constructor(parts: WantOfPodsParts) {
    this.#parts = parts;
  }

  look(): void {
    const { log, table, pools, sources } = this.#parts;
    for (const { name, pool, known, pods } of sources()) {
      const fields = { source: name, ...(pool !== "" && { pool }) };
      this.#note(`source ${pool} ${name}`, known && pods === 0, {
        begins: () =>
          log.warn(fields, "a source of pods tells an empty set: check names, labels and whether pods are ready"),
        ends: () => log.info(fields, "a source of pods that told an empty set has pods now"),
      });
    }
    for (const { name, members } of pools()) {
      const fields = { pool: name, pods: members.size };
      this.#note(`pool ${name}`, members.size > 0 && usableIn(table, members) === 0, {
        begins: () =>
          log.error(fields, "no pod of the pool can be used: all are unreachable or set aside; picks go on among them"),
        ends: () => log.info(fields, "the pool's pods can be used again"),
      });
    }
  }

  #note(what: string, isSo: boolean, { begins, ends }: { begins(): void; ends(): void }): void {
    if (isSo === this.#said.has(what)) return;
    if (isSo) {
      this.#said.add(what);
      begins();
    } else {
      this.#said.delete(what);
      ends();
    }
  }
}

/** Which models each pod serves, as far as the pods tell: from /v1/models, else from the labels of their metrics. */
import type { Pod } from "./pod-table.ts";

/** A model as a pod's /v1/models lists it; members beside the id are passed on as they came. */
export interface ModelEntry {
  readonly id: string;
  readonly [member: string]: unknown;
}

/**
 * What a pod says of its models:
 * - listed: these and no others
 * - untold: it has no list to ask for; `entries` are the names seen elsewhere, and there may be more
 */
export interface ModelList {
  readonly kind: "listed" | "untold";
  readonly entries: readonly ModelEntry[];
}

export class ServedModels {
  readonly #lists = new WeakMap<Pod, ModelList>();
  /** Grows with every change, so that whoever keeps something made from the lists knows when it is old. */
  version = 0;

  set(pod: Pod, list: ModelList): void {
    const before = this.#lists.get(pod);
    this.#lists.set(pod, list);
    if (before === undefined || !saysTheSame(before, list)) this.version++;
  }

  /** undefined: the pod has not told yet. */
  of(pod: Pod): ModelList | undefined {
    return this.#lists.get(pod);
  }
}

/** Members beside the id may change at every answer (a creation time); nobody chooses by them. */
function saysTheSame(one: ModelList, other: ModelList): boolean {
  return (
    one.kind === other.kind &&
    one.entries.length === other.entries.length &&
    one.entries.every((entry, i) => entry.id === other.entries[i]?.id)
  );
}

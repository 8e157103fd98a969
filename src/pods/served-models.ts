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
 * - untold: there is no list to be had; `entries` are the names its metrics give, and there may be more: aliases, and
 *   adapters that were not used yet. An adapter's `parent` is the model that the pod names first.
 * - silent: asked in vain for so long that nobody waits for it any more, and nothing is known of it at all
 */
export interface ModelList {
  readonly kind: "listed" | "untold" | "silent";
  readonly entries: readonly ModelEntry[];
}

export class ServedModels {
  readonly #lists = new WeakMap<Pod, ModelList>();
  readonly #listeners: ((pod: Pod) => void)[] = [];

  /** Told of every pod whose list is another now. */
  onChange(listener: (pod: Pod) => void): void {
    this.#listeners.push(listener);
  }

  set(pod: Pod, list: ModelList): void {
    const before = this.#lists.get(pod);
    this.#lists.set(pod, list);
    if (before !== undefined && saysTheSame(before, list)) return;
    for (const listener of this.#listeners) listener(pod);
  }

  /** undefined: the pod has not told yet. */
  of(pod: Pod): ModelList | undefined {
    return this.#lists.get(pod);
  }
}

/** The names in a list that are no adapters of another. */
export function baseNames({ entries }: ModelList): string[] {
  return entries.filter(({ parent }) => parent === undefined).map(({ id }) => id);
}

/** Members beside the id may change at every answer (a creation time); nobody chooses by them. */
function saysTheSame(one: ModelList, other: ModelList): boolean {
  return (
    one.kind === other.kind &&
    one.entries.length === other.entries.length &&
    one.entries.every((entry, i) => entry.id === other.entries[i]?.id)
  );
}

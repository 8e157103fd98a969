/**
 * Finds the pods that take connections and answer nothing any more: a wedged pod refuses nobody, and would keep its share
 * of the requests for ever. It counts as unreachable until it answers again.
 *
 * Pods are judged beside those they are asked with: where more than half of them fall silent it is the one who asks, or
 * the way there, that is slow, and all keep their place.
 */
import type { Pod, PodTable } from "../pods/pod-table.ts";
import type { ScrapeOutcome } from "./scrape-outcome.ts";

/** One may be a pause of the pod, two a long one. */
const TIMEOUTS_IN_A_ROW = 3;

/** Pods asked with the same options. */
interface Group {
  readonly pods: Set<Pod>;
  readonly refusing: Set<Pod>;
  readonly silent: Set<Pod>;
  /** Are the silent ones to blame? */
  believed: boolean;
}

interface Watched {
  readonly group: Group;
  timeouts: number;
}

export class SilentPods {
  readonly #table: PodTable;
  readonly #groups = new WeakMap<object, Group>();
  readonly #byPod = new Map<Pod, Watched>();

  constructor(table: PodTable) {
    this.#table = table;
  }

  watch(pod: Pod, options: object): void {
    let group = this.#groups.get(options);
    if (group === undefined) {
      group = { pods: new Set(), refusing: new Set(), silent: new Set(), believed: true };
      this.#groups.set(options, group);
    }
    group.pods.add(pod);
    this.#byPod.set(pod, { group, timeouts: 0 });
    this.#judge(group);
  }

  drop(pod: Pod): void {
    const group = this.#byPod.get(pod)?.group;
    this.#byPod.delete(pod);
    if (group === undefined) return;
    for (const pods of [group.pods, group.refusing, group.silent]) pods.delete(pod);
    this.#judge(group);
  }

  /** The pod has answered, or has refused a connection. */
  reached(pod: Pod, isReached: boolean): void {
    const watched = this.#byPod.get(pod);
    if (watched === undefined) return;
    const { refusing } = watched.group;
    if (isReached) refusing.delete(pod);
    else refusing.add(pod);
    this.#spoke(pod, watched);
  }

  /** A scrape has ended; `known` while readings of the pod are young enough to be believed. */
  scraped(pod: Pod, outcome: ScrapeOutcome, known: boolean): void {
    const watched = this.#byPod.get(pod);
    // A fault of our own says nothing of the pod.
    if (watched === undefined || outcome === "fault") return;
    if (outcome !== "timeout") {
      if (watched.timeouts > 0) this.#spoke(pod, watched);
      return;
    }
    const { group } = watched;
    watched.timeouts++;
    if (watched.timeouts < TIMEOUTS_IN_A_ROW || known || group.refusing.has(pod)) return;
    group.silent.add(pod);
    this.#judge(group);
    this.#mark(group, pod);
  }

  #spoke(pod: Pod, watched: Watched): void {
    watched.timeouts = 0;
    watched.group.silent.delete(pod);
    this.#judge(watched.group);
    this.#mark(watched.group, pod);
  }

  /** Looks at all pods of a group only when the verdict changes. */
  #judge(group: Group): void {
    const believed = 2 * group.silent.size <= group.pods.size - group.refusing.size;
    if (believed === group.believed) return;
    group.believed = believed;
    for (const pod of group.silent) this.#mark(group, pod);
  }

  #mark(group: Group, pod: Pod): void {
    const isOut = group.refusing.has(pod) || (group.believed && group.silent.has(pod));
    this.#table.reachable[pod.slot] = isOut ? 0 : 1;
  }
}

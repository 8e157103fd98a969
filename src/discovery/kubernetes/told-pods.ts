/** What a source has told its listener: a set is published when it differs from the one before, else confirmed. */
import type { PodSpec } from "../../pods/pod-table.ts";
import type { SourceEvents } from "../pod-source.ts";

export class ToldPods {
  /** Resolves with the first thing told, or at the end. */
  readonly first: Promise<void>;
  #events: SourceEvents | undefined;
  #published: readonly PodSpec[] | undefined;
  #settle: () => void = () => undefined;
  #closed = false;

  constructor() {
    this.first = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  listen(events: SourceEvents): void {
    this.#events = events;
  }

  /** `proven`: a change after this one would be seen, so an unchanged set is worth confirming. */
  offer(pods: readonly PodSpec[], proven: boolean): void {
    if (this.#closed) return;
    // One address is one endpoint, even where the API says for a moment that two pods have it.
    const byAddress = new Map(pods.map((pod) => [pod.address, pod]));
    const sorted = [...byAddress.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
    if (this.#published === undefined || !areSame(sorted, this.#published)) {
      this.#published = sorted;
      this.#events?.publish(sorted);
    } else if (proven) this.#events?.confirm();
    this.#settle();
  }

  fail(problem: string): void {
    if (this.#closed) return;
    this.#events?.fail(problem);
    this.#settle();
  }

  close(): void {
    this.#closed = true;
    this.#settle();
  }
}

function areSame(some: readonly PodSpec[], others: readonly PodSpec[]): boolean {
  return some.length === others.length && some.every((pod, i) => isSame(pod, others[i]));
}

function isSame(pod: PodSpec, other: PodSpec | undefined): boolean {
  if (pod.address !== other?.address || pod.uid !== other.uid) return false;
  return pod.name === other.name && pod.pool === other.pool && haveSameLabels(pod.labels ?? {}, other.labels ?? {});
}

function haveSameLabels(some: Readonly<Record<string, string>>, others: Readonly<Record<string, string>>): boolean {
  // An unchanged pod keeps its object of labels from one event to the next.
  if (some === others) return true;
  const names = Object.keys(some);
  return names.length === Object.keys(others).length && names.every((name) => some[name] === others[name]);
}

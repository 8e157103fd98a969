/** When gRPC health begins to say that it is well. */
import type { ReadinessFacts } from "./readiness.ts";

const LOOK_MS = 100;
/** So long other replicas, which may know all pods, are left to answer. */
const COMPLETE_WITHIN_MS = 30_000;

export class HealthGate {
  readonly #facts: () => ReadinessFacts;
  readonly #open: () => void;
  readonly #now: () => number;
  #startedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(facts: () => ReadinessFacts, open: () => void, now: () => number) {
    this.#facts = facts;
    this.#open = open;
    this.#now = now;
  }

  start(): void {
    this.#startedAtMs = this.#now();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Well once the pods are known, and for good, since from then on there is always a pick; /readyz is stricter. A source
   * that never tells holds it up for a while only: the pools of the others would be lost with it.
   */
  #look(): void {
    const { draining, sources, pods } = this.#facts();
    const isComplete = sources.every(({ known }) => known);
    const mustDo = pods > 0 && this.#now() - this.#startedAtMs > COMPLETE_WITHIN_MS;
    if (draining || (!isComplete && !mustDo)) return;
    this.#open();
    this.stop();
  }
}

/**
 * Remembers which requests failed lately, and where: one that fails on every pod it reaches says nothing of those pods.
 * A request is known by a number, its fingerprint; 0 is one that was not seen.
 */
import type { Pod } from "../pods/pod-table.ts";

/** So many failures are remembered; who floods it with others has the pods judged as if there were no memory. */
const REMEMBERED = 64;
/**
 * Not renewed once the request is to blame: should the pods have been at fault after all, the same request tried again
 * and again counts against the next of them half a minute later.
 */
const FORGET_MS = 30_000;

interface Failure {
  readonly fingerprint: number;
  readonly pod: Pod;
  readonly atMs: number;
}

export class FailedRequests {
  readonly #now: () => number;
  /** Oldest first; a request is there once per pod. */
  #failures: Failure[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The request failed on this pod. Is the request to blame, since it has failed on another one? */
  failed(fingerprint: number, pod: Pod): boolean {
    if (fingerprint === 0) return false;
    const atMs = this.#now();
    this.#failures = this.#failures.filter((failure) => atMs - failure.atMs < FORGET_MS);
    const isSame = (failure: Failure) => failure.fingerprint === fingerprint;
    const elsewhere = this.#failures.some((failure) => isSame(failure) && failure.pod !== pod);
    const here = this.#failures.findIndex((failure) => isSame(failure) && failure.pod === pod);
    if (elsewhere && here !== -1) return true;
    if (here !== -1) this.#failures.splice(here, 1);
    this.#failures.push({ fingerprint, pod, atMs });
    if (this.#failures.length > REMEMBERED) this.#failures.shift();
    return elsewhere;
  }

  /** A pod has served the request, so it can be served: the pods it failed on were to blame. */
  served(fingerprint: number): void {
    if (fingerprint === 0 || !this.#failures.some((failure) => failure.fingerprint === fingerprint)) return;
    this.#failures = this.#failures.filter((failure) => failure.fingerprint !== fingerprint);
  }
}

/** The numbers of one fleet, added up from the answers its clients got. */
import type { Answer } from "./ask.ts";

export class Tally {
  /** Answers, good and failed. */
  answered = 0;
  failed = 0;
  /** Words of the first fault: the others are most likely the same. */
  firstFault: string | undefined;
  #promptTokens = 0;
  #cachedTokens = 0;
  readonly #ttftsMs: number[] = [];
  readonly #perPod = new Map<string, PodTally>();
  readonly #kept: number;

  /** `kept`: the times are those of the latest so many answers, for traffic without an end. */
  constructor(kept = Number.POSITIVE_INFINITY) {
    this.#kept = kept;
  }

  add(answer: Answer): void {
    this.answered++;
    if (answer.pod !== undefined) this.#pod(answer.pod).picks++;
    if (answer.fault !== undefined) {
      this.failed++;
      this.firstFault ??= answer.fault;
      return;
    }
    this.#ttftsMs.push(answer.ttftMs);
    if (this.#ttftsMs.length > this.#kept) this.#ttftsMs.shift();
    this.#promptTokens += answer.promptTokens;
    this.#cachedTokens += answer.cachedTokens;
    if (answer.pod === undefined) return;
    const pod = this.#pod(answer.pod);
    pod.promptTokens += answer.promptTokens;
    pod.cachedTokens += answer.cachedTokens;
  }

  get succeeded(): number {
    return this.answered - this.failed;
  }

  /** Requests that reached the pod. */
  picksOf(pod: string): number {
    return this.#perPod.get(pod)?.picks ?? 0;
  }

  /** Share of prompt tokens that came from a pod's cache, 0..1; NaN before the first answer. */
  get cachedShare(): number {
    return this.#cachedTokens / this.#promptTokens;
  }

  cachedShareOf(pod: string): number {
    const { promptTokens = 0, cachedTokens = 0 } = this.#perPod.get(pod) ?? {};
    return cachedTokens / promptTokens;
  }

  get meanTtftMs(): number {
    return this.#ttftsMs.reduce((sum, ms) => sum + ms, 0) / this.#ttftsMs.length;
  }

  /** The time within which this share of the requests had a first token; NaN before the first answer. O(n log n). */
  ttftMs(share: number): number {
    const sorted = this.#ttftsMs.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  }

  #pod(name: string): PodTally {
    const known = this.#perPod.get(name) ?? { picks: 0, promptTokens: 0, cachedTokens: 0 };
    this.#perPod.set(name, known);
    return known;
  }
}

interface PodTally {
  picks: number;
  promptTokens: number;
  cachedTokens: number;
}

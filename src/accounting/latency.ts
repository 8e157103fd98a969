/**
 * How fast each pod answers, as seen in the answers shown to us: the columns ttft and tpot.
 *
 * Both are means, in seconds, that forget with time, since only the present load counts. A pod without an answer for a
 * while becomes unknown again: a bad time must not keep it idle for ever.
 *
 * The time to the first token grows with what the pod has to read of the prompt, which says nothing of the pod. So the
 * column tells what a prompt of average length would have waited: how much a token more costs is taken from the
 * differences within each pod, over all of them, and a pod's mean is moved by what its prompts differ from the average.
 * Where no prompts are seen it is the plain mean. Pods of several pools share the cost, as if their models were alike.
 */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";
import { FadingSums } from "./fading-sums.ts";

/** Without an answer for so long a pod's pace is unknown. */
const UNKNOWN_AFTER_MS = 60_000;
/** Of fewer answers the cost of a token is noise. */
const FEWEST_ANSWERS = 16;

export class Latency {
  readonly #table: PodTable;
  readonly #now: () => number;
  readonly #ttft = new Map<Slot, FadingSums>();
  readonly #tpot = new Map<Slot, FadingSums>();
  /** Tokens to be read of the average prompt, and the seconds that one of them costs, by the last tick. */
  #meanTokens = 0;
  #secondsPerToken = 0;

  constructor(table: PodTable, now: () => number) {
    this.#table = table;
    this.#now = now;
    table.onLeave(({ slot }) => this.#forget(slot));
  }

  /** `pendingTokens`: of the prompt, what the pod had to read before, by estimate. NaN is a time that cannot be told. */
  firstToken(pod: Pod, ttftMs: number, pendingTokens: number): void {
    if (Number.isNaN(ttftMs) || !this.#table.isCurrent(pod.slot, pod.generation)) return;
    const sums = obtain(this.#ttft, pod.slot);
    sums.add(pendingTokens, ttftMs / 1000, this.#now());
    this.#writeTtft(pod.slot, sums);
  }

  /** The answer is over. */
  ended(pod: Pod, tpotMs: number): void {
    if (Number.isNaN(tpotMs) || !this.#table.isCurrent(pod.slot, pod.generation)) return;
    const sums = obtain(this.#tpot, pod.slot);
    sums.add(0, tpotMs / 1000, this.#now());
    this.#table.columns.tpot[pod.slot] = sums.meanY;
  }

  /** Called about once a second: forgets what is old, and compares the pods anew. */
  tick(): void {
    const { ttft, tpot } = this.#table.columns;
    this.#dropOld(this.#ttft, ttft);
    this.#dropOld(this.#tpot, tpot);
    this.#learnCosts();
    for (const [slot, sums] of this.#ttft) this.#writeTtft(slot, sums);
  }

  #learnCosts(): void {
    const now = this.#now();
    let [weight, tokens, spread, slope] = [0, 0, 0, 0];
    for (const sums of this.#ttft.values()) {
      const kept = sums.keptAt(now);
      weight += sums.weight * kept;
      tokens += sums.weight * sums.meanX * kept;
      spread += sums.spreadX * kept;
      slope += sums.spreadXY * kept;
    }
    this.#meanTokens = weight > 0 ? tokens / weight : 0;
    this.#secondsPerToken = weight >= FEWEST_ANSWERS && spread > 0 ? Math.max(0, slope / spread) : 0;
  }

  #writeTtft(slot: Slot, { meanX, meanY }: FadingSums): void {
    const seconds = meanY - this.#secondsPerToken * (meanX - this.#meanTokens);
    this.#table.columns.ttft[slot] = Math.max(0, seconds);
  }

  #dropOld(sums: Map<Slot, FadingSums>, column: Float64Array): void {
    const before = this.#now() - UNKNOWN_AFTER_MS;
    for (const [slot, { latestAtMs }] of sums) {
      if (latestAtMs > before) continue;
      sums.delete(slot);
      column[slot] = Number.NaN;
    }
  }

  #forget(slot: Slot): void {
    this.#ttft.delete(slot);
    this.#tpot.delete(slot);
    this.#table.columns.ttft[slot] = this.#table.columns.tpot[slot] = Number.NaN;
  }
}

function obtain(sums: Map<Slot, FadingSums>, slot: Slot): FadingSums {
  let found = sums.get(slot);
  if (found === undefined) {
    found = new FadingSums();
    sums.set(slot, found);
  }
  return found;
}

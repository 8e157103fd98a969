/** Decides what a step computes, by vLLM V1's rules: running before waiting, first come first served, whole prompts in chunks. */
import type { EngineOptions } from "./engine-profile.ts";
import { KvBlocks } from "./kv-blocks.ts";
import type { Sequence } from "./sequence.ts";
import { StepLoad } from "./step-cost.ts";

export class Scheduler {
  readonly kv: KvBlocks;
  readonly load = new StepLoad();
  /** In order of admission; the last one is the first to be preempted. */
  running: Sequence[] = [];
  /** First admissions and preemptions since the engine last looked. */
  readonly admitted: Sequence[] = [];
  preemptions = 0;

  readonly #options: EngineOptions;
  /** Queue by a moving head; entries that were aborted meanwhile are skipped. */
  #queue: Sequence[] = [];
  #head = 0;
  /** Preempted sequences go before the queue, the latest one first. */
  readonly #preempted: Sequence[] = [];
  #waiting = 0;
  #budget = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.kv = new KvBlocks(Math.floor(options.kvTokens / options.blockTokens));
  }

  get waiting(): number {
    return this.#waiting;
  }

  enqueue(sequence: Sequence): void {
    sequence.state = "waiting";
    this.#queue.push(sequence);
    this.#waiting++;
  }

  /** For a waiting sequence; its place in the queue is cleared when its turn comes. */
  forget(sequence: Sequence): void {
    sequence.state = "aborted";
    this.#waiting--;
  }

  /** Fills `load` and each running sequence's `scheduled`. Cost O(running) plus the prompts admitted. */
  plan(nowMs: number): void {
    this.load.clear();
    this.#budget = this.#options.stepTokens;
    const preempted = this.#continueRunning();
    if (!preempted) this.#admitWaiting(nowMs);
  }

  /** Drops what ended from the batch and takes its blocks back. */
  sweep(): void {
    const kept: Sequence[] = [];
    for (const sequence of this.running) {
      if (sequence.state === "running") kept.push(sequence);
      else this.#releaseBlocks(sequence);
    }
    this.running = kept;
  }

  /** True when space ran out and somebody had to go: nobody is admitted in such a step. */
  #continueRunning(): boolean {
    const before = this.preemptions;
    for (const sequence of this.running) sequence.scheduled = 0;
    // The batch shrinks from its end while it is walked, so its length is read afresh.
    for (let index = 0; index < this.running.length && this.#budget > 0; index++) {
      const sequence = this.running[index];
      if (sequence === undefined) break;
      const tokens = Math.min(sequence.tokens - sequence.computed, this.#budget);
      if (!this.#makeRoom(sequence, tokens)) break;
      this.#assign(sequence, tokens);
    }
    return this.preemptions > before;
  }

  /** Blocks to add before the tokens fit; never negative, as blocks are taken only when needed. */
  #blocksMissing(sequence: Sequence, tokens: number): number {
    return Math.ceil((sequence.computed + tokens) / this.#options.blockTokens) - sequence.blockCount;
  }

  /** Preempts from the end of the batch until the tokens fit; false when the sequence itself had to go. */
  #makeRoom(sequence: Sequence, tokens: number): boolean {
    const missing = this.#blocksMissing(sequence, tokens);
    while (missing > this.kv.idle) {
      const victim = this.running.pop();
      if (victim === undefined) return false;
      this.#preempt(victim);
      if (victim === sequence) return false;
    }
    return true;
  }

  /** By recompute: the KV is given up, the tokens stay, and what is still cached is found again. */
  #preempt(victim: Sequence): void {
    this.#releaseBlocks(victim);
    victim.computed = 0;
    victim.state = "waiting";
    victim.preemptions++;
    this.preemptions++;
    this.#preempted.push(victim);
    this.#waiting++;
  }

  #admitWaiting(nowMs: number): void {
    while (this.#budget > 0 && this.running.length < this.#options.maxSequences) {
      const sequence = this.#front();
      if (sequence === undefined || !this.#admit(sequence)) return;
      this.#popFront();
      this.#waiting--;
      sequence.state = "running";
      this.running.push(sequence);
      // A preempted sequence comes by again: its queue time and its hit were counted the first time.
      if (Number.isNaN(sequence.scheduledAtMs)) {
        sequence.scheduledAtMs = nowMs;
        sequence.cachedTokens = sequence.computed;
        this.admitted.push(sequence);
      }
      this.#assign(sequence, Math.min(sequence.tokens - sequence.computed, this.#budget));
    }
  }

  /** Pins the cached prefix if the first chunk fits beside it. At least one token is always left to compute. */
  #admit(sequence: Sequence): boolean {
    const { kv } = this;
    const blockTokens = this.#options.blockTokens;
    if (kv.idle === 0) return false;
    const mostHits = Math.floor((sequence.tokens - 1) / blockTokens);
    if (sequence.blocks.length === 0) {
      sequence.blocks = new Int32Array(Math.ceil(sequence.mostTokens / blockTokens));
    }
    let hits = 0;
    let idleHits = 0;
    // The first block that is not cached ends the hit: a later one is worthless without it.
    for (; hits < mostHits; hits++) {
      const block = kv.find(sequence.firstKey(hits), sequence.secondKey(hits));
      if (block === -1) break;
      sequence.blocks[hits] = block;
      if (kv.isIdle(block)) idleHits++;
    }
    const end = Math.min(sequence.tokens, hits * blockTokens + this.#budget);
    if (Math.ceil(end / blockTokens) - hits + idleHits > kv.idle) return false;
    for (const block of sequence.blocks.subarray(0, hits)) kv.pin(block);
    sequence.blockCount = hits;
    sequence.publishedBlocks = hits;
    sequence.computed = hits * blockTokens;
    sequence.prefillEnd = sequence.tokens;
    return true;
  }

  /** Blocks fill in this step's forward pass, so they may be found by whoever is admitted later in the same step. */
  #assign(sequence: Sequence, tokens: number): void {
    for (let missing = this.#blocksMissing(sequence, tokens); missing > 0; missing--) {
      sequence.blocks[sequence.blockCount++] = this.kv.take();
    }
    const end = sequence.computed + tokens;
    const full = Math.floor(end / this.#options.blockTokens);
    for (let block = sequence.publishedBlocks; block < full; block++) {
      this.kv.publish(sequence.blocks[block] ?? 0, sequence.firstKey(block), sequence.secondKey(block));
    }
    sequence.publishedBlocks = full;
    sequence.scheduled = tokens;
    this.#budget -= tokens;
    if (sequence.computed < sequence.prefillEnd) this.load.addPrefill(sequence.computed, tokens);
    else this.load.addDecode(end);
  }

  /** What the blocks hold stays findable until somebody needs the space. */
  #releaseBlocks(sequence: Sequence): void {
    this.kv.release(sequence.blocks, sequence.blockCount);
    sequence.blockCount = 0;
    sequence.publishedBlocks = 0;
    sequence.scheduled = 0;
  }

  /** Aborted entries at the front are dropped on the way; those further back cost nothing. */
  #front(): Sequence | undefined {
    while (this.#preempted.at(-1)?.state === "aborted") this.#preempted.pop();
    const preempted = this.#preempted.at(-1);
    if (preempted !== undefined) return preempted;
    while (this.#queue[this.#head]?.state === "aborted") this.#advance();
    return this.#queue[this.#head];
  }

  /** Takes what #front showed. */
  #popFront(): void {
    if (this.#preempted.length > 0) this.#preempted.pop();
    else this.#advance();
  }

  #advance(): void {
    this.#head++;
    // Half of the array is history: cut it off, which costs O(1) per entry over time.
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** The one model of a vLLM pod's engine: requests in, tokens out, step by step on the clock it is given. */
import { type HashedPrompt, hashPrompt, mixBits } from "./block-keys.ts";
import type { Clock } from "./clock.ts";
import { EngineMetrics } from "./engine-metrics.ts";
import { type EngineOptions, engineOptions } from "./engine-profile.ts";
import { Scheduler } from "./scheduler.ts";
import { type EngineRequest, Sequence } from "./sequence.ts";
import { stepSeconds } from "./step-cost.ts";

export class Engine {
  readonly options: EngineOptions;
  readonly metrics = new EngineMetrics();
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  /** Numbers the requests, so that each has a seed of its own. */
  #submitted = 0;
  /** A step is under way, or about to start at this very instant. */
  #busy = false;

  constructor(clock: Clock, options: Partial<EngineOptions> = {}) {
    this.options = engineOptions(options);
    this.#clock = clock;
    this.#scheduler = new Scheduler(this.options);
  }

  /** Blocks of the KV cache. */
  get kvBlocks(): number {
    return this.#scheduler.kv.total;
  }

  /** True while no request is running or waiting. */
  get idle(): boolean {
    return !this.#busy;
  }

  /** Returns at once; a request that can never fit in the KV cache finishes with "error". */
  submit(request: EngineRequest): Sequence {
    const prompt = this.#hashed(request);
    const seed = mixBits(this.options.seed, this.#submitted++);
    const sequence = new Sequence(request, prompt, this.#clock.now(), seed);
    if (this.options.apiSeconds > 0) {
      this.#clock.schedule(this.options.apiSeconds * 1000, () => this.#arrive(sequence));
    } else {
      this.#arrive(sequence);
    }
    return sequence;
  }

  /** The client left. A waiting request is gone at once, a running one holds its blocks to the end of the step. */
  abort(sequence: Sequence): void {
    if (sequence.state === "finished" || sequence.state === "aborted") return;
    if (sequence.state === "waiting") this.#scheduler.forget(sequence);
    sequence.state = "aborted";
    this.metrics.finished.abort++;
    sequence.request.onAborted?.(sequence);
  }

  /** Prompt tokens the cache holds right now, by the rule of an admission. Changes nothing. */
  cachedTokens(prompt: HashedPrompt): number {
    const mostHits = Math.floor((prompt.tokens - 1) / this.options.blockTokens);
    let hits = 0;
    while (hits < mostHits) {
      const block = this.#scheduler.kv.find(prompt.firstKeys[hits] ?? 0, prompt.secondKeys[hits] ?? 0);
      if (block === -1) break;
      hits++;
    }
    return hits * this.options.blockTokens;
  }

  /** Both faults are the caller's, never a client's. */
  #hashed(request: EngineRequest): HashedPrompt {
    const prompt =
      "firstKeys" in request.prompt
        ? request.prompt
        : hashPrompt(request.prompt, this.options.blockTokens, request.salt);
    if (prompt.blockTokens !== this.options.blockTokens) {
      throw new RangeError(`prompt hashed in blocks of ${prompt.blockTokens}, not ${this.options.blockTokens}`);
    }
    if (prompt.tokens === 0) throw new RangeError("a prompt needs at least one token");
    return prompt;
  }

  #arrive(sequence: Sequence): void {
    if (sequence.state !== "arriving") return;
    if (sequence.mostTokens > this.kvBlocks * this.options.blockTokens) {
      // Later, so that the caller holds the sequence when it hears of it.
      this.#clock.schedule(0, () => this.#refuse(sequence));
      return;
    }
    this.#scheduler.enqueue(sequence);
    if (this.#busy) return;
    this.#busy = true;
    // Not at once, so that all that arrive at this instant share the step.
    this.#clock.schedule(0, () => this.#startStep());
  }

  #refuse(sequence: Sequence): void {
    if (sequence.state !== "arriving") return;
    sequence.state = "finished";
    this.metrics.finished.error++;
    sequence.request.onFinished?.(sequence, "error");
  }

  /** Plans the next step and lets its seconds pass; with nothing to do the engine sleeps until a request arrives. */
  #startStep(): void {
    const scheduler = this.#scheduler;
    scheduler.plan(this.#clock.now());
    for (const sequence of scheduler.admitted) this.metrics.observeAdmission(sequence);
    scheduler.admitted.length = 0;
    this.metrics.preemptions = scheduler.preemptions;
    if (scheduler.load.sequences === 0) {
      this.#busy = false;
      return;
    }
    this.metrics.steps++;
    this.metrics.tokensPerStep.observe(scheduler.load.tokens);
    this.#clock.schedule(stepSeconds(this.options.profile, scheduler.load) * 1000, () => this.#endStep());
  }

  /** Tokens come out, those that ended leave, metrics change, and the next step follows without a pause. */
  #endStep(): void {
    const nowMs = this.#clock.now();
    const scheduler = this.#scheduler;
    for (const sequence of scheduler.running) {
      if (sequence.state !== "running" || sequence.scheduled === 0) continue;
      sequence.computed += sequence.scheduled;
      if (sequence.computed === sequence.tokens) this.#sample(sequence, nowMs);
    }
    scheduler.sweep();
    this.metrics.running = scheduler.running.length;
    this.metrics.waiting = scheduler.waiting;
    this.metrics.kvUsage = scheduler.kv.used / scheduler.kv.total;
    this.#startStep();
  }

  /** The forward pass reached the last known token and gives the next one. */
  #sample(sequence: Sequence, nowMs: number): void {
    const { request } = sequence;
    const index = sequence.generated++;
    sequence.tokens++;
    this.metrics.observeToken(sequence, nowMs);
    sequence.lastTokenAtMs = nowMs;
    if (index === 0) {
      sequence.firstTokenAtMs = nowMs;
      request.onFirstToken?.(sequence);
    }
    request.onToken?.(sequence, index);
    // A listener may have aborted it.
    if (sequence.generated < sequence.outputTokens || sequence.state !== "running") return;
    sequence.state = "finished";
    sequence.finishedAtMs = nowMs;
    this.metrics.observeFinish(sequence, sequence.finishReason);
    request.onFinished?.(sequence, sequence.finishReason);
  }
}

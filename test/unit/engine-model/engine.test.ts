/**
 * Tiny cases with their arithmetic written out. Unless said otherwise a step costs 1 ms and 1 ms more per token, blocks
 * hold 4 tokens, and a step may compute 8.
 */
import { describe, expect, test } from "vitest";
import { hashPrompt } from "../../../src/engine-model/block-keys.ts";
import { VirtualClock } from "../../../src/engine-model/clock.ts";
import { Engine } from "../../../src/engine-model/engine.ts";
import { type EngineOptions, type EngineProfile, engineProfiles } from "../../../src/engine-model/engine-profile.ts";
import type { EngineRequest, Sequence } from "../../../src/engine-model/sequence.ts";
import { StepLoad, stepSeconds } from "../../../src/engine-model/step-cost.ts";

const plainProfile: EngineProfile = {
  name: "plain",
  overheadSeconds: 0.001,
  floorSeconds: 0,
  tokenSeconds: 0.001,
  prefillContextSeconds: 0,
  decodeContextSeconds: 0,
  sequenceSeconds: 0,
  kvTokens: 400,
};

/** Distinct tokens per `base`, so that prompts of different bases share no prefix. */
function tokens(count: number, base = 0): number[] {
  return Array.from({ length: count }, (_, index) => base * 1000 + index);
}

class Run {
  readonly clock = new VirtualClock();
  readonly engine: Engine;
  /** Millisecond of every token, per name. */
  readonly times: Record<string, number[]> = {};
  readonly events: string[] = [];

  constructor(options: Partial<EngineOptions> = {}) {
    this.engine = new Engine(this.clock, { profile: plainProfile, blockTokens: 4, stepTokens: 8, ...options });
  }

  submit(name: string, request: Pick<EngineRequest, "prompt" | "maxTokens"> & Partial<EngineRequest>): Sequence {
    const times: number[] = [];
    this.times[name] = times;
    return this.engine.submit({
      // Rounded to a nanosecond: sums of milliseconds in binary are off by 1e-15.
      onToken: () => times.push(Math.round(this.clock.now() * 1e6) / 1e6),
      onFinished: (_, reason) => this.events.push(`${name} ${reason}`),
      onAborted: () => this.events.push(`${name} aborted`),
      ...request,
    });
  }

  finish(): this {
    this.clock.runUntilIdle();
    return this;
  }
}

describe("Engine, time of a step", () => {
  test("adds overhead, floor, tokens, attention and sequences by the formula", () => {
    const profile: EngineProfile = {
      ...plainProfile,
      overheadSeconds: 1,
      floorSeconds: 3,
      tokenSeconds: 0.4,
      prefillContextSeconds: 0.01,
      decodeContextSeconds: 0.1,
      sequenceSeconds: 10,
    };
    const load = new StepLoad();
    load.addPrefill(6, 9);
    load.addDecode(20);
    // 10 tokens: hypot(3, 0.4 * 10) = 5. Prefill pairs 9 * (6 + 4.5) = 94.5. Two sequences.
    expect(stepSeconds(profile, load)).toBeCloseTo(1 + 5 + 0.945 + 2 + 20, 12);
  });

  test("gives an H100 about 12 ms for a batch of 512 tokens", () => {
    const load = new StepLoad();
    load.addPrefill(0, 512);
    const { overheadSeconds, ...rest } = engineProfiles["llama-3.1-8b-h100"];
    // sqrt(6.5^2 + 11.21^2) = 12.96 ms, attention 0.2 ms, one sequence 0.004 ms.
    expect(stepSeconds({ ...rest, overheadSeconds: 0 }, load) * 1000).toBeCloseTo(13.16, 2);
    expect(stepSeconds({ ...rest, overheadSeconds }, load) * 1000).toBeCloseTo(14.31, 2);
  });

  test("a prompt in chunks pays for the same pairs of tokens as in one piece", () => {
    const profile = { ...plainProfile, prefillContextSeconds: 0.001 };
    const whole = new Run({ profile, stepTokens: 20 });
    whole.submit("a", { prompt: tokens(20), maxTokens: 1 });
    // 1 + 20 + 20 * 20 / 2 = 221
    expect(whole.finish().times).toEqual({ a: [221] });
    const chunked = new Run({ profile });
    chunked.submit("a", { prompt: tokens(20), maxTokens: 1 });
    // Pairs 8 * 4 + 8 * 12 + 4 * 18 = 32 + 96 + 72 = 200, as above; tokens 20; but three steps: 3 + 20 + 200 = 223
    expect(chunked.finish().times).toEqual({ a: [223] });
  });

  test("apiSeconds come before the queue and count in the time to first token", () => {
    const run = new Run({ apiSeconds: 0.1 });
    run.submit("a", { prompt: tokens(4), maxTokens: 1 });
    // 100 + 1 + 4
    expect(run.finish().times).toEqual({ a: [105] });
    expect(run.engine.metrics.firstTokenSeconds.sum).toBeCloseTo(0.105, 12);
  });
});

describe("Engine, batching", () => {
  test("one token per sequence and step once the prompt is computed", () => {
    const run = new Run();
    run.submit("a", { prompt: tokens(5), maxTokens: 3 });
    // Prefill 1 + 5 = 6, then 1 + 1 each.
    expect(run.finish().times).toEqual({ a: [6, 8, 10] });
    expect(run.events).toEqual(["a length"]);
  });

  test("chunked prefill: a long prompt takes its budget over several steps", () => {
    const run = new Run();
    const sequence = run.submit("a", { prompt: tokens(20), maxTokens: 1 });
    run.clock.runUntil(9.5);
    expect(sequence.computed).toBe(8);
    run.clock.runUntil(18.5);
    expect(sequence.computed).toBe(16);
    // Steps of 8, 8 and 4 tokens: 9 + 9 + 5 = 23
    expect(run.finish().times).toEqual({ a: [23] });
    expect(run.engine.metrics.steps).toBe(3);
  });

  test("two requests share one token budget, the earlier one first", () => {
    const run = new Run();
    run.submit("a", { prompt: tokens(6, 1), maxTokens: 3 });
    run.submit("b", { prompt: tokens(6, 2), maxTokens: 2 });
    // Step 1: a 6 + b 2 = 8 tokens, 9 ms        -> 9:  a's first token
    // Step 2: a 1 + b 4 = 5 tokens, 6 ms        -> 15: a's second, b's first
    // Step 3: a 1 + b 1 = 2 tokens, 3 ms        -> 18: both end
    expect(run.finish().times).toEqual({ a: [9, 15, 18], b: [15, 18] });
  });

  test("running comes before waiting: a newcomer gets what the batch leaves of the budget", () => {
    const run = new Run({ stepTokens: 4 });
    run.submit("a", { prompt: tokens(3, 1), maxTokens: 4 });
    run.clock.runUntil(1);
    run.submit("b", { prompt: tokens(6, 2), maxTokens: 1 });
    // Step 1: a 3, 4 ms -> 4. Steps 2 and 3: a 1 + b 3, 5 ms each -> 9, 14: b's first. Step 4: a 1, 2 ms -> 16.
    expect(run.finish().times).toEqual({ a: [4, 9, 14, 16], b: [14] });
  });

  test("maxSequences keeps the rest waiting, first come first served", () => {
    const run = new Run({ maxSequences: 1 });
    for (const name of ["a", "b", "c"]) {
      run.submit(name, { prompt: tokens(2, name.charCodeAt(0)), maxTokens: 2 });
    }
    run.clock.runUntil(3.5);
    expect([run.engine.metrics.running, run.engine.metrics.waiting]).toEqual([1, 2]);
    // Each alone: 3 + 2.
    expect(run.finish().times).toEqual({ a: [3, 5], b: [8, 10], c: [13, 15] });
  });

  test("ends with stop when the model has said all before the client's cap", () => {
    const run = new Run();
    run.submit("a", { prompt: tokens(2), maxTokens: 10, answerTokens: 2 });
    run.submit("b", { prompt: tokens(2, 1), maxTokens: 2, answerTokens: 2 });
    run.finish();
    expect(run.times["a"]).toHaveLength(2);
    expect(run.events).toEqual(["a stop", "b length"]);
    expect(run.engine.metrics.finished).toMatchObject({ stop: 1, length: 1 });
  });

  test("two requests finishing mid-run leave the batch while a third goes on", () => {
    const run = new Run();
    run.submit("a", { prompt: tokens(2, 1), maxTokens: 1 });
    run.submit("b", { prompt: tokens(2, 2), maxTokens: 3 });
    run.submit("c", { prompt: tokens(2, 3), maxTokens: 1 });
    // Step 1: 6 tokens, 7 ms; then b alone, 2 ms each.
    expect(run.finish().times).toEqual({ a: [7], b: [7, 9, 11], c: [7] });
  });
});

describe("Engine, prefix cache", () => {
  function cachedAfter(run: Run, warm: number[], prompt: number[]): Sequence {
    run.submit("warm", { prompt: warm, maxTokens: 1 });
    run.finish();
    const sequence = run.submit("next", { prompt, maxTokens: 1 });
    run.finish();
    return sequence;
  }

  test("a prefix hit computes only what follows the common blocks", () => {
    const run = new Run({ stepTokens: 100 });
    const sequence = cachedAfter(run, tokens(10), [...tokens(10), 90, 91]);
    // 10 common tokens are 2 full blocks: 8 cached, 4 computed. 11 + (1 + 4) = 16
    expect(sequence.cachedTokens).toBe(8);
    expect(run.times["next"]).toEqual([16]);
    expect(run.engine.metrics.prefixQueryTokens).toBe(10 + 12);
    expect(run.engine.metrics.prefixHitTokens).toBe(8);
  });

  test("a full hit still computes one token", () => {
    const run = new Run({ stepTokens: 100 });
    const sequence = cachedAfter(run, tokens(9), tokens(9));
    // floor((9 - 1) / 4) = 2 blocks: 8 cached, 1 computed. 10 + (1 + 1) = 12
    expect(sequence.cachedTokens).toBe(8);
    expect(run.times["next"]).toEqual([12]);
  });

  test("a full hit on whole blocks gives up its last block", () => {
    const run = new Run({ stepTokens: 100 });
    // 8 tokens are two full blocks, both cached; one token has to be computed, and a block is all or nothing.
    expect(cachedAfter(run, tokens(8), tokens(8)).cachedTokens).toBe(4);
  });

  test("generated tokens fill blocks that the next turn finds", () => {
    const run = new Run({ stepTokens: 100 });
    run.submit("turn 1", { prompt: tokens(3), maxTokens: 6, outputToken: (index) => 500 + index });
    run.finish();
    // KV of 3 + 5 tokens, as the sixth was never computed: two full blocks.
    const answer = [500, 501, 502, 503, 504, 505];
    const sequence = run.submit("turn 2", { prompt: [...tokens(3), ...answer, 7], maxTokens: 1 });
    run.finish();
    expect(sequence.cachedTokens).toBe(8);
  });

  test("equal prompts of one step share blocks already", () => {
    const run = new Run({ stepTokens: 100 });
    run.submit("a", { prompt: tokens(9), maxTokens: 1 });
    const second = run.submit("b", { prompt: tokens(9), maxTokens: 1 });
    // a 9 + b 1 tokens in one step: 11 ms. Blocks: a 3, b its own third only.
    expect(run.finish().times).toEqual({ a: [11], b: [11] });
    expect(second.cachedTokens).toBe(8);
  });

  test("another salt shares nothing", () => {
    const run = new Run();
    run.submit("a", { prompt: tokens(9), maxTokens: 1, salt: 1 });
    run.finish();
    const other = run.submit("b", { prompt: tokens(9), maxTokens: 1, salt: 2 });
    run.finish();
    expect(other.cachedTokens).toBe(0);
  });

  test("cachedTokens tells what an admission would find, and changes nothing", () => {
    const run = new Run();
    run.submit("a", { prompt: tokens(9), maxTokens: 1 });
    run.finish();
    expect(run.engine.cachedTokens(hashPrompt([...tokens(6), 77, 78], 4))).toBe(4);
    expect(run.engine.metrics.prefixQueryTokens).toBe(9);
  });
});

describe("Engine, KV cache full", () => {
  test("a request waits while the blocks it needs are held by others", () => {
    const run = new Run({ kvTokens: 16 });
    run.submit("a", { prompt: tokens(8, 1), maxTokens: 4 });
    run.submit("b", { prompt: tokens(8, 2), maxTokens: 1 });
    // Step 1: a takes the whole budget, 9 ms. Then a's ninth token takes block 3 of 4, and b's first chunk needs 2.
    // a ends at 9 + 3 * 2 = 15; b runs from 15 to 24.
    expect(run.finish().times).toEqual({ a: [9, 11, 13, 15], b: [24] });
    expect(run.engine.metrics.preemptions).toBe(0);
  });

  test("preempts the youngest when a decoding sequence finds no block, and recomputes it later", () => {
    const run = new Run({ kvTokens: 16, stepTokens: 16 });
    run.submit("a", { prompt: tokens(7, 1), maxTokens: 6 });
    const b = run.submit("b", { prompt: tokens(7, 2), maxTokens: 6 });
    // Step 1: 7 + 7 tokens, 15 ms -> 15. Two blocks each: the cache is full.
    // Step 2: the eighth tokens fill them, 3 ms -> 18.
    // Step 3: a needs a third block: b goes. a alone, 2 ms -> 20, 22, 24, 26: a has its six.
    // At 26 b has 9 tokens to recompute. Its second block was taken by a, its first is still cached:
    //   4 cached + 5 computed, 6 ms -> 32: b's third token. Then 2 ms each -> 34, 36, 38.
    expect(run.finish().times).toEqual({
      a: [15, 18, 20, 22, 24, 26],
      b: [15, 18, 32, 34, 36, 38],
    });
    expect(run.engine.metrics.preemptions).toBe(1);
    expect(b.preemptions).toBe(1);
    // The recompute's hit is not the request's hit.
    expect(b.cachedTokens).toBe(0);
    expect(run.engine.metrics.prefixQueryTokens).toBe(14);
  });

  test("a preempted request goes before those that wait", () => {
    const run = new Run({ kvTokens: 16, stepTokens: 16 });
    run.submit("a", { prompt: tokens(7, 1), maxTokens: 6 });
    run.submit("b", { prompt: tokens(7, 2), maxTokens: 6 });
    run.submit("c", { prompt: tokens(7, 3), maxTokens: 1 });
    run.finish();
    // As above up to 26; then c's 7 tokens need 2 of the 4 blocks and b needs 3: b first, c after b's end.
    expect(run.times["b"]).toEqual([15, 18, 32, 34, 36, 38]);
    expect(run.times["c"]).toEqual([46]);
  });

  test("a cached prefix that nobody holds counts as space needed, not as space free", () => {
    const run = new Run({ kvTokens: 16 });
    run.submit("warm", { prompt: tokens(8, 1), maxTokens: 1 });
    run.finish();
    run.submit("a", { prompt: tokens(7, 2), maxTokens: 2 });
    run.submit("b", { prompt: [...tokens(8, 1), 5, 6, 7, 8], maxTokens: 1 });
    // At 9 a takes the two free blocks. b finds its 8 tokens in the other two and needs a third: it waits.
    // a ends at 9 + 8 + 2 = 19; b computes 4 tokens, 5 ms -> 24.
    expect(run.finish().times).toEqual({ warm: [9], a: [17, 19], b: [24] });
  });

  test("usage counts blocks of running requests only", () => {
    const run = new Run({ kvTokens: 40 });
    run.submit("a", { prompt: tokens(7), maxTokens: 3 });
    run.clock.runUntil(8.5);
    // 2 of 10 blocks at the end of the first step.
    expect(run.engine.metrics.kvUsage).toBe(0.2);
    run.finish();
    expect(run.engine.metrics.kvUsage).toBe(0);
    expect(run.engine.cachedTokens(hashPrompt(tokens(7), 4))).toBe(4);
  });

  test("refuses what could never fit", () => {
    const run = new Run({ kvTokens: 16 });
    run.submit("fits", { prompt: tokens(14), maxTokens: 3 });
    run.submit("too long", { prompt: tokens(14, 1), maxTokens: 4 });
    // 14 + 3 - 1 = 16 tokens of KV fit, 17 do not.
    run.finish();
    expect(run.events).toEqual(["too long error", "fits length"]);
    expect(run.engine.metrics.finished.error).toBe(1);
  });
});

describe("Engine, abort", () => {
  test("a waiting request is gone at once and never runs", () => {
    const run = new Run({ maxSequences: 1 });
    run.submit("a", { prompt: tokens(2, 1), maxTokens: 2 });
    const b = run.submit("b", { prompt: tokens(2, 2), maxTokens: 2 });
    run.submit("c", { prompt: tokens(2, 3), maxTokens: 1 });
    run.clock.runUntil(1);
    run.engine.abort(b);
    expect(run.finish().times).toEqual({ a: [3, 5], b: [], c: [8] });
    expect(run.events).toEqual(["b aborted", "a length", "c length"]);
  });

  test("a running request gives its blocks back at the end of the step", () => {
    const run = new Run({ kvTokens: 40 });
    const a = run.submit("a", { prompt: tokens(7), maxTokens: 30 });
    run.clock.runUntil(9.5);
    run.engine.abort(a);
    run.clock.runUntil(10.5);
    expect([run.engine.metrics.running, run.engine.metrics.kvUsage, run.engine.idle]).toEqual([0, 0, true]);
    expect(run.times["a"]).toEqual([8]);
    expect(run.engine.metrics.finished).toMatchObject({ abort: 1, length: 0 });
  });

  test("works from a listener, also before the request reached the queue", () => {
    const run = new Run({ apiSeconds: 0.001 });
    const a = run.submit("a", { prompt: tokens(2), maxTokens: 9, onToken: (sequence) => run.engine.abort(sequence) });
    const b = run.submit("b", { prompt: tokens(2), maxTokens: 9 });
    run.engine.abort(b);
    run.finish();
    expect([a.generated, a.state, b.generated, b.state]).toEqual([1, "aborted", 0, "aborted"]);
    expect(run.events).toEqual(["b aborted", "a aborted"]);
  });

  test("at the last token wins over the end", () => {
    const run = new Run();
    run.submit("a", { prompt: tokens(2), maxTokens: 1, onToken: (sequence) => run.engine.abort(sequence) });
    run.finish();
    expect(run.events).toEqual(["a aborted"]);
    expect(run.engine.metrics.finished).toMatchObject({ abort: 1, length: 0 });
  });

  test("after the end changes nothing", () => {
    const run = new Run();
    const a = run.submit("a", { prompt: tokens(2), maxTokens: 1 });
    run.finish();
    run.engine.abort(a);
    expect(a.state).toBe("finished");
    expect(run.engine.metrics.finished.abort).toBe(0);
  });
});

describe("Engine, metrics and options", () => {
  test("splits a request's time into queue, prefill and decode", () => {
    const run = new Run({ maxSequences: 1 });
    run.submit("a", { prompt: tokens(4, 1), maxTokens: 1 });
    run.submit("b", { prompt: tokens(4, 2), maxTokens: 3 });
    run.finish();
    const { metrics } = run.engine;
    // a: 0..5. b: waits 5, prefill 5, decode 2 + 2.
    const sums = [metrics.queueSeconds, metrics.prefillSeconds, metrics.decodeSeconds, metrics.inferenceSeconds];
    expect(sums.map(({ sum }) => Math.round(sum * 1e9) / 1e6)).toEqual([5, 10, 4, 14]);
    expect(Math.round(metrics.endToEndSeconds.sum * 1e9) / 1e6).toBe(5 + 14);
    expect([metrics.interTokenSeconds.count, metrics.outputTokenSeconds.count]).toEqual([2, 2]);
    expect([metrics.promptTokens, metrics.generationTokens]).toEqual([8, 4]);
  });

  test("gauges change at step ends only", () => {
    const run = new Run();
    run.submit("a", { prompt: tokens(4), maxTokens: 2 });
    run.clock.runUntil(4.9);
    expect(run.engine.metrics.running).toBe(0);
    run.clock.runUntil(5.5);
    expect(run.engine.metrics.running).toBe(1);
  });

  test.each([
    [{ blockTokens: 0 }, "blockTokens"],
    [{ maxSequences: 1.5 }, "maxSequences"],
    [{ kvTokens: 3 }, "kvTokens"],
  ])("refuses %o", (options, message) => {
    expect(() => new Run(options)).toThrow(message);
  });

  test("refuses a prompt hashed in other blocks, and an empty one", () => {
    const run = new Run();
    expect(() => run.submit("a", { prompt: hashPrompt(tokens(8), 8), maxTokens: 1 })).toThrow("blocks of 8");
    expect(() => run.submit("a", { prompt: [], maxTokens: 1 })).toThrow("at least one token");
  });
});

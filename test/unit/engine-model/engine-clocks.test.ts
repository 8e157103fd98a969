import { describe, expect, test } from "vitest";
import { hashPrompt } from "../../../src/engine-model/block-keys.ts";
import { type Clock, RealClock, VirtualClock } from "../../../src/engine-model/clock.ts";
import { Engine } from "../../../src/engine-model/engine.ts";
import { HandTimers } from "../../support/hand-timers.ts";
import { Random } from "../../support/random.ts";

/** Sixty requests that share prefixes, overlap, preempt one another and partly leave early; every event with its time. */
function script(clock: Clock, seed: number): { log: string[]; engine: Engine } {
  const engine = new Engine(clock, { kvTokens: 4096, stepTokens: 512, seed });
  const random = new Random(seed);
  const log: string[] = [];
  for (let number = 0; number < 60; number++) {
    const family = random.int(4);
    const length = 100 + random.int(900);
    const prompt = Array.from({ length }, (_, at) => (at < 300 ? family * 10_000 + at : number * 10_000 + at));
    const maxTokens = 1 + random.int(200);
    const leaves = random.chance(0.2);
    clock.schedule(random.next() * 400, () => {
      const note = (event: string) => log.push(`${number} ${event} ${clock.now()}`);
      const sequence = engine.submit({
        prompt,
        maxTokens,
        onFirstToken: () => note("first"),
        onToken: (_, index) => note(`token ${index}`),
        onFinished: (_, reason) => note(reason),
        onAborted: () => note("aborted"),
      });
      if (leaves) clock.schedule(50, () => engine.abort(sequence));
    });
  }
  return { log, engine };
}

function onVirtualClock(seed: number) {
  const clock = new VirtualClock();
  const run = script(clock, seed);
  clock.runUntilIdle();
  return run;
}

describe("Engine on both clocks", () => {
  test("gives the same digits in virtual time and in real time with late timers", () => {
    const virtual = onVirtualClock(7);
    const timers = new HandTimers();
    const real = script(new RealClock(1, timers), 7);
    const lateness = new Random(1);
    while (timers.fireNext(lateness.next() * 3));
    expect(real.log).toEqual(virtual.log);
    expect(real.engine.metrics).toEqual(virtual.engine.metrics);
    // The script is worth comparing only if it reaches the rare paths.
    expect(virtual.engine.metrics.preemptions).toBeGreaterThan(0);
    expect(virtual.engine.metrics.finished.abort).toBeGreaterThan(0);
    expect(virtual.engine.metrics.prefixHitTokens).toBeGreaterThan(1000);
  });

  test("is sped up without changing a digit", () => {
    const virtual = onVirtualClock(8);
    const timers = new HandTimers();
    const clock = new RealClock(16, timers);
    const real = script(clock, 8);
    while (timers.fireNext());
    expect(real.log).toEqual(virtual.log);
    expect(timers.now() * 16).toBeCloseTo(clock.now(), 6);
  });

  test("leaves nothing behind: all ended, no block held", () => {
    const { engine } = onVirtualClock(9);
    const { finished, kvUsage, running, waiting } = engine.metrics;
    expect([kvUsage, running, waiting, engine.idle]).toEqual([0, 0, 0, true]);
    expect(finished.length + finished.abort).toBe(60);
  });

  test("seed decides generated ids, so another seed's answer is no hit", () => {
    const hit = (seed: number): number => {
      const clock = new VirtualClock();
      const engine = new Engine(clock, { seed });
      const warm = engine.submit({ prompt: [1, 2, 3], maxTokens: 40 });
      clock.runUntilIdle();
      const other = new Engine(new VirtualClock(), { seed: 1 }).submit({ prompt: [1, 2, 3], maxTokens: 40 });
      const answer = Array.from({ length: 40 }, (_, index) => other.tokenId(index));
      expect(warm.generated).toBe(40);
      return engine.cachedTokens(hashPrompt([1, 2, 3, ...answer], 16));
    };
    // 3 + 39 tokens computed: two full blocks.
    expect([hit(1), hit(2)]).toEqual([32, 0]);
  });

  test("simulates thousands of long requests in a moment", () => {
    const clock = new VirtualClock();
    const engine = new Engine(clock);
    const prompts = Array.from({ length: 20 }, (_, family) =>
      hashPrompt(
        Array.from({ length: 10_000 }, (_, at) => family * 100_000 + at),
        16,
      ),
    );
    let finished = 0;
    for (let number = 0; number < 2000; number++) {
      clock.schedule(number * 100, () => {
        engine.submit({ prompt: prompts[number % 20]!, maxTokens: 100, onFinished: () => finished++ });
      });
    }
    const startedMs = performance.now();
    clock.runUntilIdle();
    expect(finished).toBe(2000);
    // About 0.2 s on an idle core: the bound is for a busy one, and still catches work per token.
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});

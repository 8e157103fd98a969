import { describe, expect, test, vi } from "vitest";
import { CredentialMissing } from "../../../src/credentials/credential.ts";
import { type Fetched, FreshToken, TokenRefused } from "../../../src/credentials/fresh-token.ts";
import { HandTimers } from "../../support/hand-timers.ts";

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 8000, interval: 1 });
const HOUR_MS = 3_600_000;

/** Fetches wait until the test answers them. */
function world({ random = (): number => 0 } = {}) {
  const clock = new HandTimers(1_000_000);
  const said: string[] = [];
  const asked: { answer: PromiseWithResolvers<Fetched<string>>; signal: AbortSignal }[] = [];
  const token = new FreshToken<string>({
    fetch: (signal) => {
      const answer = Promise.withResolvers<Fetched<string>>();
      signal.addEventListener("abort", () => answer.reject(signal.reason));
      asked.push({ answer, signal });
      return answer.promise;
    },
    renewed: () => said.push("renewed"),
    failed: (why) => said.push(why),
    clock,
    random,
  });
  const answer = async (value: string, lifeMs = HOUR_MS) => {
    const before = said.length;
    asked.at(-1)?.answer.resolve({ token: value, expiresAtMs: clock.now() + lifeMs });
    await until(() => expect(said.length).toBeGreaterThan(before));
    await until(() => expect(clock.pending).toBe(1));
  };
  const refuse = async (error: unknown) => {
    const before = said.length;
    asked.at(-1)?.answer.reject(error);
    await until(() => expect(said.length).toBeGreaterThan(before));
    await until(() => expect(clock.pending).toBe(1));
  };
  return { clock, said, asked, token, answer, refuse };
}

describe("FreshToken", () => {
  test("throws CredentialMissing until the first token has come", async () => {
    const { token, answer, said } = world();
    expect(() => token.value).toThrow(new CredentialMissing("no token has been had"));
    token.renewNow();
    await answer("one");
    await token.first;
    expect([token.value, said]).toEqual(["one", ["renewed"]]);
  });

  test.each([
    [0, 0.6],
    [1, 0.8],
  ])("renews a token well before it expires, at random %d after %d of its life", async (random, share) => {
    const { clock, token, asked, answer } = world({ random: () => random });
    token.renewNow();
    await answer("one");
    const came = clock.now();
    clock.fireNext();
    expect(clock.now() - came).toBeCloseTo(share * HOUR_MS);
    expect(asked).toHaveLength(2);
    expect(token.value).toBe("one");
    await answer("two");
    expect(token.value).toBe("two");
  });

  test("uses the last good token until it expires while new ones are refused, and not a moment longer", async () => {
    const { clock, token, answer, refuse, said } = world();
    token.renewNow();
    await answer("one", 10_000);
    clock.fireNext();
    await refuse(new TokenRefused("the endpoint is down"));
    clock.pass(3_999);
    expect(token.value).toBe("one");
    clock.pass(1);
    expect(() => token.value).toThrow(new CredentialMissing("the token has expired"));
    expect(said).toEqual(["renewed", "the endpoint is down"]);
    clock.fireNext();
    await answer("two");
    expect(token.value).toBe("two");
  });

  test.each([
    [0, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
    [1, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]],
  ])("waits longer after every failure, at random %d, and begins anew after a token", async (random, waitsMs) => {
    const { clock, token, answer, refuse } = world({ random: () => random });
    const waits: number[] = [];
    const wait = () => {
      const before = clock.now();
      clock.fireNext();
      waits.push(clock.now() - before);
    };
    token.renewNow();
    for (const _ of waitsMs) {
      await refuse(new TokenRefused("no"));
      wait();
    }
    expect(waits).toEqual(waitsMs);
    await answer("one");
    wait();
    await refuse(new TokenRefused("no"));
    wait();
    expect(waits.at(-1)).toBe(waitsMs[0]);
  });

  test("never asks without pause, however short a token's life", async () => {
    const { clock, token, answer } = world();
    token.renewNow();
    await answer("one", 5);
    const before = clock.now();
    clock.fireNext();
    expect(clock.now() - before).toBe(1_000);
  });

  test("never sets a timer beyond what timers can", async () => {
    const { clock, token, answer } = world();
    token.renewNow();
    await answer("one", 400 * 24 * HOUR_MS);
    const before = clock.now();
    clock.fireNext();
    expect(clock.now() - before).toBe(12 * HOUR_MS);
  });

  test("takes a token that has expired already for a failure", async () => {
    const { token, answer, said } = world();
    token.renewNow();
    await answer("one", 0);
    expect(said).toEqual(["the token that came has expired already"]);
    expect(() => token.value).toThrow(CredentialMissing);
  });

  test("gives up a fetch that takes too long", async () => {
    const { clock, token, asked, said } = world();
    token.renewNow();
    clock.fireNext();
    expect(clock.now()).toBe(1_010_000);
    expect(asked[0]?.signal.aborted).toBe(true);
    await until(() => expect(said).toEqual(["no token came within 10 s"]));
    await token.first;
  });

  test("repeats none of the words of an error that is not its own", async () => {
    const { token, refuse, said } = world();
    token.renewNow();
    await refuse(new Error("client_secret=sesame"));
    expect(said).toEqual(["no token could be had"]);
  });

  test("fetches once more at once where something changed during a fetch, and at once where none was under way", async () => {
    const { clock, token, asked, answer } = world();
    token.renewNow();
    token.renewNow();
    token.renewNow();
    expect(asked).toHaveLength(1);
    await answer("one");
    const before = clock.now();
    clock.fireNext();
    expect([asked.length, clock.now()]).toEqual([2, before]);
    await answer("two");
    token.renewNow();
    expect([asked.length, clock.pending]).toEqual([3, 1]);
    await answer("three");
    expect(token.value).toBe("three");
  });

  test("says nothing, asks nothing and keeps nothing waiting after close", async () => {
    const { clock, token, asked, said } = world();
    token.renewNow();
    token.close();
    await token.first;
    expect(asked[0]?.signal.aborted).toBe(true);
    await until(() => expect(clock.pending).toBe(0));
    token.renewNow();
    expect([asked.length, said]).toEqual([1, []]);
  });
});

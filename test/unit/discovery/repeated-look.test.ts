import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RepeatedLook, type Sight } from "../../../src/discovery/repeated-look.ts";
import type { PodSpec } from "../../../src/pods/pod-table.ts";

const pod = (name: string, more: Partial<PodSpec> = {}): PodSpec => ({
  name,
  address: `10.0.0.1:${name.length}`,
  ...more,
});

/** A source whose looks the test answers one by one. */
function watched() {
  const told: string[] = [];
  const looks: { readonly signal: AbortSignal; see(...pods: PodSpec[]): Promise<void>; fail(reason: unknown): void }[] =
    [];
  const source = new RepeatedLook({
    name: "test",
    look: (signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<Sight>();
      looks.push({ signal, see: async (...pods) => resolve({ pods, againMs: 1_000 }), fail: reject });
      return promise;
    },
    retryMs: 100,
    patienceMs: 10_000,
  });
  let isStarted = false;
  const started = source
    .start({
      publish: (pods) => told.push(`publish ${pods.map(({ name }) => name).join(" ")}`),
      confirm: () => told.push("confirm"),
      fail: (problem) => told.push(`fail ${problem}`),
    })
    .then(() => {
      isStarted = true;
    });
  const answer = async (...pods: PodSpec[]) => {
    await looks.at(-1)?.see(...pods);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { source, told, looks, started, answer, isStarted: () => isStarted };
}

describe("RepeatedLook", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("looks again when the look says, and sooner after a failed one", async () => {
    const { looks, answer, told } = watched();
    await answer(pod("a"));
    await vi.advanceTimersByTimeAsync(999);
    expect(looks).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    looks.at(-1)?.fail("lost");
    await vi.advanceTimersByTimeAsync(99);
    expect(looks).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(looks).toHaveLength(3);
    expect(told).toEqual(["publish a", "fail lost"]);
  });

  test("confirms the same pods in another order, and publishes any change of one", async () => {
    const { answer, told } = watched();
    const look = async (...pods: PodSpec[]) => {
      await answer(...pods);
      await vi.advanceTimersByTimeAsync(1_000);
    };
    await look(pod("a", { labels: { x: "1", y: "2" } }), pod("bb"));
    await look(pod("bb"), pod("a", { labels: { y: "2", x: "1" } }));
    await look(pod("bb"), pod("a", { labels: { y: "2", x: "2" } }));
    await look(pod("bb"), pod("a", { uid: "1" }));
    await look(pod("bb"), pod("a", { uid: "1", pool: "p" }));
    await look(pod("bb"));
    await look();
    await look();
    expect(told).toEqual([
      "publish a bb",
      "confirm",
      "publish bb a",
      "publish bb a",
      "publish bb a",
      "publish bb",
      "publish ",
      "confirm",
    ]);
  });

  test("takes the first of two pods at one address", async () => {
    const { answer, told } = watched();
    await answer(pod("a"), pod("b"));
    expect(told).toEqual(["publish a"]);
  });

  test("tells of a look that takes long, ends start with that, and still uses what it finds", async () => {
    const { answer, told, looks, isStarted } = watched();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(isStarted()).toBe(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(isStarted()).toBe(true);
    expect(looks).toHaveLength(1);
    await answer(pod("a"));
    expect(told).toEqual(["fail no answer within 10 s", "publish a"]);
  });

  test("looks at once when told to, and once more when a look is under way already", async () => {
    const { source, looks, answer } = watched();
    source.lookNow();
    source.lookNow();
    expect(looks).toHaveLength(1);
    await answer(pod("a"));
    expect(looks).toHaveLength(2);
    await answer(pod("a"));
    expect(looks).toHaveLength(2);
    source.lookNow();
    expect(looks).toHaveLength(3);
    await answer(pod("a"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(looks).toHaveLength(4);
  });

  test("aborts the look and ends start when it is stopped, and drops what comes later", async () => {
    const { source, looks, started, told } = watched();
    source.stop();
    await started;
    expect(looks[0]?.signal.aborted).toBe(true);
    looks[0]?.fail(new Error("aborted"));
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
    source.lookNow();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(looks).toHaveLength(1);
    expect(told).toEqual([]);
  });
});

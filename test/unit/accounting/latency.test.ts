import { beforeEach, describe, expect, test } from "vitest";
import { Latency } from "../../../src/accounting/latency.ts";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";
import { Random } from "../../support/random.ts";

let nowMs: number;
let table: PodTable;
let latency: Latency;
const specs = ["10.0.0.1:8000", "10.0.0.2:8000"].map((address) => ({ name: address, address }));

beforeEach(() => {
  nowMs = 1_000_000;
  table = new PodTable();
  latency = new Latency(table, () => nowMs);
  table.reconcile(specs);
});

const pods = () => table.pods() as [Pod, Pod];
const ttftOf = ({ slot }: Pod) => table.columns.ttft[slot] ?? Number.POSITIVE_INFINITY;
const paceOf = ({ slot }: Pod) => [table.columns.ttft[slot], table.columns.tpot[slot]];
const unknown = [Number.NaN, Number.NaN];

/** An answer whose prompt need not be read. */
function answered(pod: Pod, ttftMs: number, tpotMs: number): void {
  latency.firstToken(pod, ttftMs, 0);
  latency.ended(pod, tpotMs);
}

describe("Latency", () => {
  test("knows nothing of a pod before its first answer", () => {
    answered(pods()[0], 250, 20);
    expect(paceOf(pods()[0])).toEqual([0.25, 0.02]);
    expect(paceOf(pods()[1])).toEqual(unknown);
  });

  test("tells the first token's time while the answer goes on", () => {
    latency.firstToken(pods()[0], 250, 10);
    expect(paceOf(pods()[0])).toEqual([0.25, Number.NaN]);
  });

  test("tells the mean of what came together, and leaves out what is unknown", () => {
    for (const ttftMs of [250, 500, 750]) answered(pods()[0], ttftMs, Number.NaN);
    answered(pods()[0], Number.NaN, 40);
    expect(paceOf(pods()[0])).toEqual([0.5, 0.04]);
  });

  test("lets late answers outweigh many early ones", () => {
    for (let i = 0; i < 100; i++) answered(pods()[0], 1_000, 10);
    nowMs += 55_000;
    for (let i = 0; i < 10; i++) answered(pods()[0], 100, 10);
    expect(ttftOf(pods()[0])).toBeGreaterThan(0.1);
    expect(ttftOf(pods()[0])).toBeLessThan(0.5);
  });

  test("forgets a pod that has not answered for a minute, each of its times by itself", () => {
    answered(pods()[0], 9_000, 90);
    nowMs += 59_999;
    latency.tick();
    expect(paceOf(pods()[0])).toEqual([9, 0.09]);
    latency.ended(pods()[0], 90);
    nowMs += 1;
    latency.tick();
    expect(paceOf(pods()[0])).toEqual([Number.NaN, 0.09]);
    nowMs += 59_999;
    latency.tick();
    expect(paceOf(pods()[0])).toEqual(unknown);
    answered(pods()[0], 200, 20);
    expect(paceOf(pods()[0])).toEqual([0.2, 0.02]);
  });

  test("keeps nothing of a pod that has left for the next one in its slot", () => {
    const gone = pods()[0];
    answered(gone, 9_000, 90);
    table.reconcile([{ name: "new", address: "10.0.0.3:8000" }]);
    answered(gone, 9_000, 90);
    latency.tick();
    for (const pod of table.pods()) expect(paceOf(pod)).toEqual(unknown);
    answered(table.pods()[0] as Pod, 100, 10);
    expect(paceOf(table.pods()[0] as Pod)).toEqual([0.1, 0.01]);
  });
});

describe("Latency, of prompts that are long on one pod and short on the other", () => {
  /** 100 answers a pod: `base` ms and 0.1 ms for each token to be read, give or take. */
  function serve(base: readonly [number, number], tokens: readonly [number, number]): void {
    const random = new Random(9);
    for (let i = 0; i < 100; i++) {
      nowMs += 20;
      for (const at of [0, 1] as const) {
        const pending = tokens[at] * (0.5 + random.next());
        latency.firstToken(pods()[at], base[at] + 0.1 * pending + 20 * random.next(), pending);
      }
    }
    latency.tick();
  }

  test("calls pods equal that are equally fast", () => {
    serve([100, 100], [8_000, 400]);
    const [long, short] = [ttftOf(pods()[0]), ttftOf(pods()[1])];
    expect(Math.abs(long - short)).toBeLessThan(0.02);
    // Both serve a prompt of 4,200 tokens, which is the mean, in 100 + 420 + 10 ms.
    expect((long + short) / 2).toBeCloseTo(0.53, 1);
  });

  test("sees the slow pod behind its short prompts", () => {
    serve([100, 500], [8_000, 400]);
    expect(ttftOf(pods()[1]) - ttftOf(pods()[0])).toBeCloseTo(0.4, 1);
  });

  test("tells plain means where nobody estimates what is to be read", () => {
    serve([100, 500], [0, 0]);
    expect(ttftOf(pods()[0])).toBeCloseTo(0.11, 2);
    expect(ttftOf(pods()[1])).toBeCloseTo(0.51, 2);
  });

  test("draws no line through a handful of answers", () => {
    latency.firstToken(pods()[0], 100, 10);
    latency.firstToken(pods()[0], 900, 20);
    latency.firstToken(pods()[1], 300, 1_000);
    latency.tick();
    expect([ttftOf(pods()[0]), ttftOf(pods()[1])]).toEqual([0.5, 0.3]);
  });

  test("takes no pod for faster because a longer prompt was faster by chance", () => {
    for (let i = 0; i < 40; i++) latency.firstToken(pods()[0], 1_000 - i, 100 * i);
    latency.firstToken(pods()[1], 500, 50);
    latency.tick();
    expect(ttftOf(pods()[1])).toBe(0.5);
  });

  test("never tells a negative time", () => {
    for (let i = 0; i < 40; i++) latency.firstToken(pods()[0], 10 * i, 10 * i);
    for (let i = 0; i < 20; i++) latency.firstToken(pods()[1], 1, 2_000);
    latency.tick();
    expect(ttftOf(pods()[1])).toBe(0);
  });
});

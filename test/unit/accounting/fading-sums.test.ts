import { describe, expect, test } from "vitest";
import { FadingSums } from "../../../src/accounting/fading-sums.ts";
import { Random } from "../../support/random.ts";

describe("FadingSums", () => {
  test("agrees with sums over all pairs, each weighed by its age", () => {
    const random = new Random(4);
    const pairs = Array.from({ length: 300 }, (_, i) => ({
      x: random.int(100_000),
      y: random.next() * 3,
      atMs: 500_000 + i * 37 + random.int(30),
    }));
    const sums = new FadingSums();
    for (const { x, y, atMs } of pairs) sums.add(x, y, atMs);
    const endMs = pairs.at(-1)!.atMs;
    const weighed = pairs.map((pair) => ({ ...pair, weight: Math.exp((pair.atMs - endMs) / 20_000) }));
    const total = (of: (pair: (typeof weighed)[number]) => number) =>
      weighed.reduce((sum, pair) => sum + pair.weight * of(pair), 0);
    const weight = total(() => 1);
    const [meanX, meanY] = [total(({ x }) => x) / weight, total(({ y }) => y) / weight];
    expect(sums.weight).toBeCloseTo(weight, 9);
    expect(sums.meanX).toBeCloseTo(meanX, 6);
    expect(sums.meanY).toBeCloseTo(meanY, 9);
    expect(sums.spreadX / total(({ x }) => (x - meanX) ** 2)).toBeCloseTo(1, 9);
    expect(sums.spreadXY / total(({ x, y }) => (x - meanX) * (y - meanY))).toBeCloseTo(1, 9);
  });

  test("keeps 1/e of its weight after twenty seconds", () => {
    const sums = new FadingSums();
    sums.add(1, 1, 5_000);
    expect(sums.keptAt(25_000)).toBeCloseTo(Math.exp(-1), 12);
  });
});

/** The rules every scorer keeps, as a suite: run for the built-in ones, open to third parties' own. */
import { describe, expect, test } from "vitest";
import { type ColumnName, columnNames, columns } from "../../src/pods/columns.ts";
import { bodylessRequest, type InferenceRequest } from "../../src/request/inference-request.ts";
import { seededRandom } from "../../src/routing/seeded-random.ts";
import type { Candidates, OptionSpecs, Scorer } from "../../src/scorer.ts";

type AnyScorer = Scorer<ColumnName, OptionSpecs>;
type Rows = Record<ColumnName, Float64Array>;

const request: InferenceRequest = { ...bodylessRequest, api: "chat", model: "m", promptBytes: 1000 };
const SPARE = 3;
const UNTOUCHED = -7;

export function describeScorer(scorer: AnyScorer): void {
  const defaults = Object.fromEntries(Object.entries(scorer.options).map(([name, spec]) => [name, spec.default]));
  const score = (rows: Rows, size: number, build = scorer.build(defaults)): number[] => {
    const scores = new Float64Array(size + SPARE).fill(UNTOUCHED);
    build({ ...rows, size } as Candidates<ColumnName>, scores, request);
    expect(scores.subarray(size)).toEqual(new Float64Array(SPARE).fill(UNTOUCHED));
    return [...scores.subarray(0, size)];
  };

  describe(scorer.name, () => {
    test("writes a finite number in 0..1 to every row and to no other", () => {
      for (let seed = 1; seed <= 50; seed++) {
        const random = seededRandom(seed);
        const size = 1 + Math.floor(random() * 20);
        for (const value of score(randomRows(random, size, 0.2), size)) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }
    });

    test("gives the same answer to the same input, also to another build and with other calls in between", () => {
      const rows = randomRows(seededRandom(1), 8, 0);
      const [one, other] = [scorer.build(defaults), scorer.build(defaults)];
      const first = score(rows, 8, one);
      score(randomRows(seededRandom(2), 8, 0.5), 8, one);
      expect(score(rows, 8, one)).toEqual(first);
      expect(score(rows, 8, other)).toEqual(first);
    });

    test("writes to no column", () => {
      const rows = randomRows(seededRandom(3), 8, 0.2);
      const before = structuredClone(rows);
      score(rows, 8);
      expect(rows).toEqual(before);
    });

    test("permutes its scores when the pods are permuted", () => {
      const rows = randomRows(seededRandom(4), 9, 0);
      const order = [4, 7, 1, 0, 8, 2, 6, 3, 5];
      const permuted = Object.fromEntries(
        columnNames.map((name) => [name, Float64Array.from(order, (row) => rows[name][row]!)]),
      ) as Rows;
      const scores = score(rows, 9);
      expect(score(permuted, 9)).toEqual(order.map((row) => scores[row]));
    });

    test("tells equal pods apart in nothing, one pod included", () => {
      for (const size of [1, 5]) {
        const rows = Object.fromEntries(columnNames.map((name) => [name, new Float64Array(size).fill(0.5)])) as Rows;
        const scores = score(rows, size);
        expect(new Set(scores).size).toBe(1);
      }
    });

    test("never lets an unknown reading beat the best known one", () => {
      for (const name of scorer.reads) {
        const rows = randomRows(seededRandom(5), 6, 0);
        rows[name][2] = Number.NaN;
        const scores = score(rows, 6);
        expect(scores[2]).toBeLessThanOrEqual(Math.max(...scores.filter((_, row) => row !== 2)));
      }
    });

    test("scores 0.5 everywhere where nothing is known", () => {
      const rows = Object.fromEntries(columnNames.map((name) => [name, new Float64Array(4).fill(Number.NaN)])) as Rows;
      expect(score(rows, 4)).toEqual([0.5, 0.5, 0.5, 0.5]);
    });

    test("declares a kebab-case name, a summary, known columns and options inside their own bounds", () => {
      expect(scorer.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(scorer.summary).toMatch(/\.$/);
      expect(scorer.reads.length).toBeGreaterThan(0);
      for (const name of scorer.reads) expect(columns).toHaveProperty(name);
      for (const spec of Object.values(scorer.options)) {
        expect(spec.default).toBeGreaterThanOrEqual(spec.min ?? Number.NEGATIVE_INFINITY);
        expect(spec.default).toBeLessThanOrEqual(spec.max ?? Number.POSITIVE_INFINITY);
      }
    });
  });
}

function randomRows(random: () => number, size: number, unknownShare: number): Rows {
  const value = (name: ColumnName) => {
    if (random() < unknownShare) return Number.NaN;
    return columns[name].unit === "0..1" ? random() : Math.floor(random() * 30);
  };
  return Object.fromEntries(
    columnNames.map((name) => [name, Float64Array.from({ length: size }, () => value(name))]),
  ) as Rows;
}

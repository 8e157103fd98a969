/** The rules every scorer keeps, as a suite: run for the built-in ones, open to third parties' own. */
import { describe, expect, test } from "vitest";
import { isCorrect } from "../../src/config/plugin-options.ts";
import { type ColumnName, columnNames, columns } from "../../src/pods/columns.ts";
import { bodylessRequest, type InferenceRequest } from "../../src/request/inference-request.ts";
import { type OptionValues, withDefaults } from "../../src/routing/option-values.ts";
import { seededRandom } from "../../src/routing/seeded-random.ts";
import type { Candidates, Scorer } from "../../src/scorer.ts";

type Rows = Record<ColumnName, Float64Array>;

/** Scorers see what they declare and nothing else, as in production. */
function viewOf(rows: Rows, reads: readonly ColumnName[], size: number): Candidates<ColumnName> {
  return { ...Object.fromEntries(reads.map((name) => [name, rows[name]])), size } as Candidates<ColumnName>;
}

const request: InferenceRequest = { ...bodylessRequest, api: "chat", model: "m", promptBytes: 1000 };
const SPARE = 3;
const UNTOUCHED = -7;

export function describeScorer(scorer: Scorer): void {
  const defaults = withDefaults(scorer.options);
  const score = (rows: Rows, size: number, build = scorer.build(defaults)): number[] => {
    const scores = new Float64Array(size + SPARE).fill(UNTOUCHED);
    build(viewOf(rows, scorer.reads, size), scores, request);
    expect(scores.subarray(size)).toEqual(new Float64Array(SPARE).fill(UNTOUCHED));
    return [...scores.subarray(0, size)];
  };

  describe(scorer.name, () => {
    test("writes a finite number in 0..1 to every row and to no other", () => {
      for (let seed = 1; seed <= 50; seed++) {
        const random = seededRandom(seed);
        const size = 1 + Math.floor(random() * 20);
        const rows = randomRows(random, size, 0.2);
        for (const options of extremeOptions(scorer)) {
          for (const value of score(rows, size, scorer.build(options))) {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(1);
          }
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
      for (const [name, spec] of Object.entries(scorer.options)) {
        expect(["use", "weight"]).not.toContain(name);
        expect(isCorrect(spec, spec.default)).toBe(true);
        expect(spec.help).not.toBe("");
      }
    });
  });
}

/** The defaults, and every number in turn at its bounds. */
function extremeOptions(scorer: Scorer): OptionValues[] {
  const variants = [withDefaults(scorer.options)];
  for (const [name, spec] of Object.entries(scorer.options)) {
    if (typeof spec.default !== "number") continue;
    const { min, max } = spec as { min?: number; max?: number };
    for (const bound of [min, max]) if (bound !== undefined) variants.push({ ...variants[0], [name]: bound });
  }
  return variants;
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

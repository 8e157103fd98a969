/** What a scorer of somebody else's may do wrong, and that nobody but itself has the damage. */
import { describe, expect, test } from "vitest";
import inFlight from "../../../scorers/in-flight.ts";
import type { ColumnName } from "../../../src/pods/columns.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { CandidateRows } from "../../../src/routing/candidates.ts";
import { ScoringPlan } from "../../../src/routing/scoring-plan.ts";
import type { Score, Scorer } from "../../../src/scorer.ts";

const foreign = (score: Score<ColumnName>): { scorer: Scorer; weight: number; isForeign: boolean } => ({
  scorer: {
    name: "theirs",
    summary: "For the test.",
    leaning: "spread",
    reads: ["inFlight"],
    options: {},
    build: () => score,
  },
  weight: 1,
  isForeign: true,
});

/** Theirs, and behind it one of ours, over pods with 0, 1 and 4 requests in flight. */
function setUp(score: Score<ColumnName>) {
  const table = new PodTable();
  table.reconcile(["a", "b", "c"].map((name) => ({ name, address: `${name}:1` })));
  table.columns.inFlight.set([0, 1, 4]);
  const rows = new CandidateRows(table, ["inFlight", "waiting"], Math.random);
  const slots = Int32Array.from(table.pods(), ({ slot }) => slot);
  rows.gather({ slots, size: slots.length });
  const faults: string[] = [];
  const plan = new ScoringPlan([foreign(score), { scorer: inFlight, weight: 1 }], {
    threw: (name, error) => faults.push(`${name}: ${(error as Error).message}`),
    outOfRange: (name) => faults.push(`${name} out of range`),
  });
  return { run: () => [...plan.run(rows, bodylessRequest).subarray(0, 3)], faults, rows };
}

const ours = [1, 0.75, 0];

describe("a scorer that is not ours", () => {
  test("sees the columns it declares, of each request anew", () => {
    const { run, rows } = setUp((pods, scores) => {
      for (let row = 0; row < pods.size; row++) scores[row] = (pods.inFlight[row] ?? 0) / 8;
    });
    expect(run()).toEqual([1, 0.875, 0.5]);
    rows.columns.inFlight[1] = 4;
    expect(run()).toEqual([1, 0.5, 0.5]);
  });

  test("that writes to its columns and lies about their number spoils nobody else's scores", () => {
    const { run, faults, rows } = setUp((pods, scores) => {
      pods.inFlight.fill(1e9);
      (pods as { size: number }).size = 9_999;
      scores.fill(0);
    });
    for (let n = 0; n < 2; n++) expect(run()).toEqual(ours);
    expect([...rows.columns.inFlight.subarray(0, 3)]).toEqual([0, 1, 4]);
    expect(faults).toEqual([]);
  });

  test("that is async is a fault at each request, counts nothing, and rejects and writes into the void", async () => {
    const rejected: unknown[] = [];
    const note = (reason: unknown) => rejected.push(reason);
    process.on("unhandledRejection", note);
    let begun = 0;
    let over = 0;
    const late = async (_pods: unknown, scores: Float64Array) => {
      begun++;
      scores.fill(0.5);
      await Promise.resolve();
      scores.fill(0.25);
      over++;
      throw new Error("later");
    };
    const { run, faults } = setUp(late as unknown as Score<ColumnName>);
    expect([run(), run()]).toEqual([ours, ours]);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect([begun, over, rejected]).toEqual([2, 2, []]);
    const fault = "theirs: it gave a promise: scores have to be written at once";
    expect(faults).toEqual([fault, fault]);
  });

  test("may give back what it likes otherwise", () => {
    const { run, faults } = setUp((_pods, scores) => scores.fill(1));
    expect([run(), faults]).toEqual([[2, 1.75, 1], []]);
  });

  test("is told which column it reads without declaring it", () => {
    const { run, faults } = setUp((pods, scores) => {
      for (let row = 0; row < pods.size; row++) scores[row] = pods.waiting[row] ?? 0;
    });
    expect(run()).toEqual(ours);
    expect(faults).toEqual(["theirs: it reads the column waiting, which is not in its list `reads`"]);
  });
});

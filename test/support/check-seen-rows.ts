/** Runs with each test file of the projects doctor and kube: it must have seen the rows that the table says it shows. */
import { afterAll, expect } from "vitest";
import { rows } from "../../src/doctor/catalogue/rows.ts";
import { shownRows } from "../doctor/shown-rows.ts";
import { type Origin, rowsSeen } from "./seen-rows.ts";

interface Task {
  readonly type: string;
  readonly mode: string;
  readonly tasks?: readonly Task[];
  readonly result?: { readonly state: string };
}

/** A part that was left out or failed shows nothing, and says so itself. */
function isWhole({ mode, tasks, result }: Task): boolean {
  if (tasks !== undefined) return mode === "run" && tasks.every(isWhole);
  return mode === "run" && result?.state === "pass";
}

const keys = Object.keys(shownRows) as (keyof typeof rows)[];
const strength: readonly Origin[] = ["files", "server", "run"];

// biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures that are wanted from this pattern, and none are
afterAll(({}, suite) => {
  const file = expect.getState().testPath ?? "";
  if (!isWhole(suite as unknown as Task)) return;
  const isHere = (place: string) => file.endsWith(`/test/${place}.test.ts`);
  const missed = keys.filter((key) => isHere(shownRows[key].in) && !rowsSeen(shownRows[key].by).has(rows[key].row));
  const named = (all: readonly (keyof typeof rows)[]) =>
    all.map((key) => `row ${rows[key].row} by ${shownRows[key].by}`);
  expect(named(missed), `test/doctor/shown-rows.ts says that ${file} shows these, and it does not`).toEqual([]);
  const better = keys.filter((key) =>
    strength.slice(strength.indexOf(shownRows[key].by) + 1).some((origin) => rowsSeen(origin).has(rows[key].row)),
  );
  expect(named(better), `${file} shows these by more than test/doctor/shown-rows.ts says`).toEqual([]);
});

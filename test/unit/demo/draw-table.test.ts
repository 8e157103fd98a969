import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { drawTable, type PodLine, paintAnsi, paintNothing, type Table } from "../../../src/demo/draw-table.ts";
import { Tally } from "../../../src/demo/tally.ts";
import { goodAnswer } from "../../support/demo-answers.ts";

function tallyOf(count: number, failed: number): Tally {
  const tally = new Tally();
  for (let index = 0; index < count; index++) {
    const answer = goodAnswer("pod-1", 100 + index, 1000, 420);
    tally.add(index < failed ? { ...answer, fault: "HTTP 503" } : answer);
  }
  return tally;
}

function pod(name: string, changes: Partial<PodLine> = {}): PodLine {
  const calm = { waiting: 0, running: 6, kvUsage: 0.46, cachedShare: 0.22, picks: 9, state: "up", alive: true };
  return { name, ...calm, ...changes };
}

const table: Table = {
  title: "pointsman demo: Envoy 1.40.0, 4 pods a fleet, seed 1",
  fleets: [
    { name: "round robin", tally: tallyOf(200, 0), requests: 200, state: "done" },
    { name: "pointsman", tally: tallyOf(36, 2), requests: 200, state: "running" },
    { name: "since then", tally: new Tally(), requests: 0, state: "next" },
  ],
  podsOf: "pointsman",
  pods: [
    pod("pod-1"),
    pod("pod-2", { waiting: 12, kvUsage: 1, running: 117, picks: 1234 }),
    pod("pod-3", { alive: false, state: "avoided" }),
    pod("pod-4", { running: 0, kvUsage: 0, cachedShare: Number.NaN, picks: 0 }),
  ],
  footer: ["keys: k kill a pod, r revive it, q end everything"],
};

test("drawTable lays everything out in 80 columns", () => {
  expect(`\n${drawTable(table, paintNothing).join("\n")}\n`).toBe(`

pointsman demo: Envoy 1.40.0, 4 pods a fleet, seed 1

fleet        requests                     TTFT p50  TTFT p95  from cache  failed
round robin  ██████████████ 200 of 200      0.20 s    0.29 s        42 %       0
pointsman    ███░░░░░░░░░░░ 36 of 200       0.12 s    0.13 s        42 %       2
since then   0                                   -         -           -       0

pointsman pods    waiting  running  KV in use        cache hits  picks  state
pod-1                   0        6  ████░░░░░  46 %        22 %      9  up
pod-2                  12      117  █████████ 100 %        22 %   1234  up
pod-3                   -        -                         22 %      9  avoided
pod-4                   0        0  ░░░░░░░░░   0 %           -      0  up

keys: k kill a pod, r revive it, q end everything
`);
});

test("drawTable keeps to 80 columns with large numbers", () => {
  const large: Table = {
    ...table,
    podsOf: "round robin",
    fleets: [{ name: "round robin", tally: tallyOf(12_345, 999), requests: 12_345, state: "running" }],
  };
  for (const line of drawTable(large, paintNothing)) expect(line.length).toBeLessThanOrEqual(80);
});

test("drawTable in colour is the same text", () => {
  const coloured = drawTable(table, paintAnsi);
  expect(coloured.map((line) => stripVTControlCharacters(line))).toEqual(drawTable(table, paintNothing));
  expect(coloured.join("")).toContain("\x1b[");
});

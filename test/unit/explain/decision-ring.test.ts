import { beforeEach, describe, expect, test } from "vitest";
import queueDepth from "../../../scorers/queue-depth.ts";
import { DecisionRing } from "../../../src/explain/decision-ring.ts";
import type { Explanation } from "../../../src/explain/explanation.ts";
import { readDecision } from "../../../src/explain/read-decision.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { Pools } from "../../../src/pods/pools.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { noHints, type RouteHints } from "../../../src/routing/choose-pool.ts";
import { FilterChain } from "../../../src/routing/filter-chain.ts";
import { builtInFilters } from "../../../src/routing/filters/index.ts";
import { Lane } from "../../../src/routing/lane.ts";
import { Router } from "../../../src/routing/router.ts";
import { type ScorerUse, ScoringPlan, uncounted } from "../../../src/routing/scoring-plan.ts";
import { seededRandom } from "../../../src/routing/seeded-random.ts";
import { defineScorer } from "../../../src/scorer.ts";

const throwing = defineScorer({
  name: "throwing",
  summary: "Throws.",
  leaning: "spread",
  reads: ["inFlight"],
  options: {},
  build: () => () => {
    throw new Error("by the test");
  },
});

let table: PodTable;
let models: ServedModels;
let pools: Pools;
let router: Router;
let ring: DecisionRing;
const names = ["a", "b", "c", "d"];

beforeEach(() => build([{ scorer: queueDepth, weight: 2 }]));

function build(scorers: ScorerUse[], floats?: number): void {
  table = new PodTable();
  models = new ServedModels();
  pools = new Pools({ table, models });
  table.reconcile(names.map((name) => ({ name, address: `${name}:1`, labels: { name } })));
  table.columns.waiting.set([0, 1, 2, 4]);
  table.toldAtMs.set([90, 80, Number.NaN, 70]);
  pools.obtain("p", { ...defaultPoolSettings, profile: "p" }).assign(table.pods());
  const label = builtInFilters.find(({ name }) => name === "label");
  const filters = new FilterChain(
    table,
    label ? [{ filter: label, options: { requirements: ["name!=d"] } }] : [],
    models,
  );
  const plan = new ScoringPlan(scorers, uncounted);
  const lane = new Lane({ table, plan, filters, owners: {} });
  router = new Router({ table, pools, lanes: new Map([["p", lane]]), random: seededRandom(1) });
  ring = new DecisionRing(table, 4, floats);
}

/** Decides and keeps it; returns the number of its entry. */
function decide(model = "", hints: RouteHints = noHints): number {
  const decision = router.route({ ...bodylessRequest, model }, "scored", hints);
  const number = ring.add(decision, router.trail, 1_000, 100);
  const entry = ring.entry(number);
  if (entry !== undefined) entry.elapsedMs = 0.5;
  return number;
}

function told(number: number): Explanation {
  const entry = ring.entry(number);
  const explanation = entry && readDecision(ring, entry, "id");
  if (explanation === undefined) throw new Error("no such entry");
  return explanation;
}

describe("DecisionRing", () => {
  test("keeps the numbers of the moment, whatever becomes of them later", () => {
    const number = decide();
    table.columns.waiting.fill(9);
    table.toldAtMs.fill(0);
    decide();
    const { candidates, scorers, outcome, at, milliseconds } = told(number);
    expect({ at, milliseconds, scorers }).toEqual({
      at: "1970-01-01T00:00:01.000Z",
      milliseconds: 0.5,
      scorers: [{ name: "queue-depth", weight: 2 }],
    });
    expect(outcome).toEqual({ kind: "picked", pod: "a", address: "a:1", score: 2 });
    const state = { reachable: true, setAside: false, newcomer: false };
    expect(candidates).toEqual([
      {
        pod: "a",
        address: "a:1",
        total: 2,
        isPicked: true,
        ...state,
        place: 1,
        scores: [1],
        signals: { waiting: 0, inFlight: 0 },
        ageMs: 10,
      },
      {
        pod: "b",
        address: "b:1",
        total: 1,
        isPicked: false,
        ...state,
        place: 2,
        scores: [0.5],
        signals: { waiting: 1, inFlight: 0 },
        ageMs: 20,
      },
      {
        pod: "c",
        address: "c:1",
        total: 0,
        isPicked: false,
        ...state,
        place: 3,
        scores: [0],
        signals: { waiting: 2, inFlight: 0 },
        ageMs: null,
      },
    ]);
  });

  test("tells a score of nobody where the scorer failed", () => {
    build([
      { scorer: queueDepth, weight: 2 },
      { scorer: throwing, weight: 1 },
    ]);
    expect(told(decide()).candidates.map(({ scores }) => scores)).toEqual([
      [1, null],
      [0.5, null],
      [0, null],
    ]);
  });

  test("tells why pods were no candidates: a filter, the subset, silence, being set aside", () => {
    table.reachable[1] = 0;
    table.setAside[2] = 1;
    expect(told(decide()).absent).toEqual([
      { pod: "b", why: "does not answer" },
      { pod: "c", why: "set aside: requests to it failed" },
      { pod: "d", why: "left out by the filter label" },
    ]);
    expect(told(decide("", { ...noHints, subset: ["a:1", "d:1"] })).absent).toEqual([
      { pod: "b", why: "outside the subset that the data plane allows" },
      { pod: "c", why: "outside the subset that the data plane allows" },
      { pod: "d", why: "left out by the filter label" },
    ]);
  });

  test("tells of newcomers that sat out, and of pods without the model", () => {
    table.admission[0] = 0;
    expect(told(decide()).absent[0]).toEqual({ pod: "a", why: "a newcomer that sits this one out" });
    table.admission[0] = 1;
    const serves = (name: string, id: string) => {
      const pod = table.byAddress(`${name}:1`);
      if (pod !== undefined) models.set(pod, { kind: "listed", entries: [{ id }] });
    };
    for (const name of names) serves(name, name === "a" ? "other" : "m");
    expect(told(decide("m")).absent).toEqual([
      { pod: "a", why: "does not serve the model" },
      { pod: "d", why: "left out by the filter label" },
    ]);
    const refused = told(decide("nobody's"));
    expect(refused.outcome).toMatchObject({ kind: "refused", code: "model_not_found" });
    expect(refused.absent).toHaveLength(4);
    expect(refused.sentence).toBe(
      "Refused (model_not_found): The model does not exist here. (4 pods: does not serve the model).",
    );
  });

  test("knows pods that left since, and not their slots' new tenants", () => {
    const number = decide();
    table.reconcile([{ name: "new", address: "new:1" }]);
    table.reconcile([{ name: "newer", address: "newer:1" }]);
    expect(told(number).candidates.map(({ pod }) => pod)).toEqual(["a", "b", "c"]);
  });

  test("says that it no longer knows once more pods left than it remembers", () => {
    const number = decide();
    const more = (generation: number) =>
      Array.from({ length: 100 }, (_, i) => ({ name: `${generation}-${i}`, address: `${generation}-${i}:1` }));
    for (let generation = 0; generation < 6; generation++) table.reconcile(more(generation));
    expect(told(number)).toMatchObject({ candidates: [{ pod: "a" }, { pod: "b" }, { pod: "c" }] });
    table.reconcile(more(6));
    expect(told(number)).toMatchObject({
      ...{ outcome: { pod: "a" }, candidates: [], absent: [] },
      sentence: "Its numbers are no longer kept.",
    });
  });

  test("tells of each candidate whether it answered, was set aside or new, at that moment", () => {
    table.reachable.set([0, 0, 0, 0]);
    table.setAside[1] = 1;
    table.admission[2] = 0.5;
    const number = decide();
    table.reachable.set([1, 1, 1, 1]);
    const { candidates, sentence } = told(number);
    const states = candidates.map(({ reachable, setAside, newcomer }) => [reachable, setAside, newcomer]);
    expect(states).toEqual([
      [false, false, false],
      [false, true, false],
      [false, false, true],
    ]);
    expect(sentence).toMatch(/^No pod answers; tried all the same: a /);
  });

  test("forgets the numbers of decisions that were overwritten, and whole decisions in their turn", () => {
    // A decision takes 3 candidates by 7 numbers and an absent pod by 2.
    build([{ scorer: queueDepth, weight: 2 }], 52);
    const first = decide();
    const second = decide();
    expect([first, second].map((number) => told(number).candidates.length)).toEqual([3, 3]);
    const third = decide();
    expect([first, second, third].map((number) => told(number).candidates.length)).toEqual([0, 3, 3]);
    expect(told(first)).toMatchObject({ outcome: { pod: "a" }, sentence: "Its numbers are no longer kept." });
    for (let i = 0; i < 2; i++) decide();
    expect(ring.entry(first)).toBeUndefined();
    expect([...ring.latest()].map(({ number }) => number)).toEqual([4, 3, 2, 1]);
  });

  test("keeps a decision without numbers where these would never fit", () => {
    build([{ scorer: queueDepth, weight: 2 }], 10);
    expect(told(decide())).toMatchObject({ outcome: { pod: "a" }, candidates: [], absent: [] });
    expect(told(decide())).toMatchObject({ outcome: { pod: "a" }, candidates: [], absent: [] });
  });

  test("tells of a pick by our own counts what it went by", () => {
    table.columns.inFlight.set([3, 1, 2, 0]);
    const number = ring.add(router.routeByInFlight("fault", noHints), router.trail, 0, 0);
    expect(told(number)).toMatchObject({
      scorers: [],
      outcome: { pod: "b" },
      sentence:
        "b had the fewest requests in flight, 1 (least requests in flight: a fault inside pointsman, see its log).",
      candidates: [{ place: 3 }, { place: 1, isPicked: true }, { place: 2 }],
    });
  });
});

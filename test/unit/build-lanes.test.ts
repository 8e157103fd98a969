import { describe, expect, test } from "vitest";
import { builtInScorers, capacity, sessionAffinity } from "../../scorers/index.ts";
import { buildLanes, KeptLanes } from "../../src/build-lanes.ts";
import { defaultProfile } from "../../src/config/default-profile.ts";
import { podColumnNames } from "../../src/pods/columns.ts";
import { PodTable } from "../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../src/pods/pool.ts";
import { Pools } from "../../src/pods/pools.ts";
import { ServedModels } from "../../src/pods/served-models.ts";
import { PrefixIndex } from "../../src/prefix/prefix-index.ts";
import { bodylessRequest, type InferenceRequest } from "../../src/request/inference-request.ts";
import { parseBody } from "../../src/request/parse-body.ts";
import { noHints, type RouteHints } from "../../src/routing/choose-pool.ts";
import { builtInFilters } from "../../src/routing/filters/index.ts";
import { builtInPickers } from "../../src/routing/pickers.ts";
import type { Profile } from "../../src/routing/profile.ts";
import { Router } from "../../src/routing/router.ts";
import { seededRandom } from "../../src/routing/seeded-random.ts";

const PODS = 12;

/** A picker with everything in it, at a certain point of its life. */
class World {
  readonly table = new PodTable();
  readonly models = new ServedModels();
  readonly pools = new Pools({ table: this.table, models: this.models });
  readonly index = new PrefixIndex({ budgetBytes: 4 * 1024 * 1024, pods: this.table });
  readonly faults: string[] = [];
  readonly router: Router;

  constructor(profiles: Readonly<Record<string, Profile>>) {
    const { table, models, index } = this;
    const specs = Array.from({ length: PODS }, (_, i) => ({
      name: `p${i}`,
      address: `10.0.0.${i}:8000`,
      labels: { gpus: String(1 + (i % 4)), rank: String(i) },
    }));
    table.reconcile(specs);
    for (const profile of Object.keys(profiles)) {
      this.pools.obtain(profile, { ...defaultPoolSettings, profile }).assign(table.pods());
    }
    const lanes = buildLanes(new Map(Object.entries(profiles)), {
      table,
      models,
      index,
      facts: ({ slot }) => ({
        blocks: 1000 + slot,
        startedAtSeconds: 1,
        lora: { max: 2, running: new Set(slot % 2 ? ["x"] : []), waiting: new Set() },
      }),
      scorerFaults: {
        threw: (name) => this.faults.push(`${name} threw`),
        outOfRange: (name) => this.faults.push(`${name} out of range`),
      },
    });
    this.router = new Router({ table, pools: this.pools, lanes, random: seededRandom(5) });
  }

  /** Readings of a busy fleet, some of them unknown, the same for the same seed. */
  shuffle(seed: number): void {
    const random = seededRandom(seed);
    const { table } = this;
    for (const name of podColumnNames) {
      for (const { slot } of table.pods()) {
        const scale = name === "kvUsage" ? 1 : 40;
        table.columns[name][slot] = random() < 0.1 && name !== "inFlight" ? Number.NaN : random() * scale;
      }
    }
    for (const { slot } of table.pods()) table.admission[slot] = random() < 0.2 ? 0.5 : 1;
  }

  /** All that a decision could have changed and a later one could see. */
  state(): unknown {
    const { columns, reachable, setAside, admission } = this.table;
    return structuredClone({ columns, reachable, setAside, admission, entries: this.index.entries });
  }
}

/** The n-th request of a traffic with conversations that grow; its prompt is valid until the next one is made. */
function requestOf(n: number): InferenceRequest {
  const turns = Array.from({ length: 1 + (n % 5) }, (_, turn) => ({
    role: turn % 2 === 0 ? "user" : "assistant",
    content: `conversation ${n % 7}, turn ${turn}: ${"some more words ".repeat(200)}`,
  }));
  const body = Buffer.from(JSON.stringify({ model: n % 3 === 0 ? "x" : "m", user: `u${n % 4}`, messages: turns }));
  const request = parseBody("chat", body, false);
  if ("code" in request) throw new Error(request.code);
  return request;
}

const hintsOf = (n: number, pool = "all"): RouteHints => ({
  pool,
  subset: n % 5 === 0 ? ["10.0.0.1", "10.0.0.2", "10.0.0.3"] : undefined,
  model: "",
  headers: { "x-session-id": `s${n % 9}` },
});

const everything = (picker: string): Profile => ({
  scorers: builtInScorers.map((scorer, i) => ({ scorer, weight: 1 + (i % 3) })),
  filters: builtInFilters.map((filter) => ({ filter })),
  picker: { picker: builtInPickers.find(({ name }) => name === picker) ?? builtInPickers[0]! },
});

describe.each(builtInPickers.map(({ name }) => name))("decide with every scorer, every filter and %s", (picker) => {
  test("gives the same pick and the same scores for the same request, state and seed, and leaves the state", () => {
    const world = new World({ all: everything(picker) });
    const seeds = seededRandom(11);
    for (let n = 0; n < 60; n++) {
      world.shuffle(n);
      const seed = Math.floor(seeds() * 2 ** 32);
      const before = world.state();
      const first = world.router.explain(requestOf(n), "scored", hintsOf(n), seed);
      expect(first.decision.kind).toBe("picked");
      expect(Object.keys(first.candidates[0]?.scores ?? {}).length).toBe(builtInScorers.length);
      // Another decision in between makes no difference, nor does it change what the next one sees.
      world.router.decide(requestOf(n + 1), "scored", hintsOf(n + 1), seed + 1);
      expect(world.router.explain(requestOf(n), "scored", hintsOf(n), seed)).toEqual(first);
      expect(world.state()).toEqual(before);
      // Life goes on, so that the next round meets an index, turns and adapters that have learnt.
      world.router.learn(world.router.route(requestOf(n), "scored", hintsOf(n)));
    }
    expect(world.faults).toEqual([]);
    expect(world.index.entries).toBeGreaterThan(0);
  });

  test("comes to the same in another process with the same history", () => {
    const [one, other] = [everything(picker), everything(picker)].map((all) => new World({ all }));
    let hits = 0;
    for (let n = 0; n < 60; n++) {
      const [first, second] = [one, other].map((world) => {
        world!.shuffle(n);
        const decision = world!.router.route(requestOf(n), "scored", hintsOf(n));
        world!.router.learn(decision);
        return decision.kind === "picked"
          ? [decision.pod.name, decision.score, decision.seed, decision.predictedHit]
          : [];
      });
      expect(first?.length).toBe(4);
      if (Number(first?.[3]) > 0) hits++;
      expect(second).toEqual(first);
    }
    expect(hits).toBeGreaterThan(0);
  });
});

describe("buildLanes", () => {
  const best = builtInPickers[0]!;
  const only = (use: Profile["scorers"][number]): Profile => ({
    scorers: [use],
    filters: [],
    picker: { picker: best },
  });
  const scoresIn = (world: World, pool: string, hints: Partial<RouteHints> = {}): (number | undefined)[] => {
    const explained = world.router.explain(bodylessRequest, "scored", { ...noHints, pool, ...hints }, 1);
    return explained.candidates.map(({ total }) => total);
  };

  test("settles the columns of each profile by the options of that profile", () => {
    const world = new World({
      gpus: only({ scorer: capacity, weight: 1, options: { label: "gpus" } }),
      ranks: only({ scorer: capacity, weight: 1, options: { label: "rank" } }),
      blocks: only({ scorer: capacity, weight: 1 }),
    });
    expect(scoresIn(world, "gpus").slice(0, 4)).toEqual([0.25, 0.5, 0.75, 1]);
    expect(scoresIn(world, "ranks").slice(0, 2)).toEqual([0, 1 / 11]);
    expect(scoresIn(world, "blocks")[0]).toBe(1000 / 1011);
  });

  test("has the router read the headers of all profiles, each once", () => {
    const world = new World({
      one: only({ scorer: sessionAffinity, weight: 1, options: { headers: ["X-One"], tokenHeader: "" } }),
      two: only({ scorer: sessionAffinity, weight: 1, options: { headers: ["x-one", "x-two"], cookie: "c" } }),
      none: only({ scorer: capacity, weight: 1 }),
    });
    expect([...world.router.headers].sort()).toEqual(["cookie", "x-one", "x-two"]);
    const match = scoresIn(world, "two", { headers: { "x-two": "k" } });
    expect(match.filter((score) => score === 1).length).toBe(1);
    expect(scoresIn(world, "one", { headers: { "x-two": "k" } }).some((score) => score === 1)).toBe(false);
  });

  test("tells the header in which answers of a pool are to name the pod", () => {
    const world = new World({
      giving: only({ scorer: sessionAffinity, weight: 1, options: { handOut: true } }),
      silent: only({ scorer: sessionAffinity, weight: 1 }),
    });
    const headerOf = (pool: string) => {
      const decision = world.router.route(requestOf(1), "scored", { ...noHints, pool });
      return decision.kind === "picked" ? world.router.tokenHeaderOf(decision) : decision.code;
    };
    expect([headerOf("giving"), headerOf("silent")]).toEqual(["x-session-token", ""]);
  });
});

test("buildLanes keeps the lanes of profiles that were there before, and what all lanes learn together", () => {
  const table = new PodTable();
  const kept = new KeptLanes();
  const build = (...profiles: Profile[]) => {
    const scorerFaults = { threw: () => {}, outOfRange: () => {} };
    const index = new PrefixIndex({ budgetBytes: 1024 * 1024, pods: table });
    const models = new ServedModels();
    const named = new Map(profiles.map((profile, i) => [`p${i}`, profile]));
    return buildLanes(named, { table, models, index, facts: () => undefined, scorerFaults, kept });
  };
  const [one, two] = [defaultProfile(), defaultProfile()];
  const before = build(one);
  const { shared } = kept;
  const after = build(two, one);
  expect(after.get("p1")).toBe(before.get("p0"));
  expect(after.get("p0")).not.toBe(before.get("p0"));
  expect(kept.shared).toBe(shared);
});

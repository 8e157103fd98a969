import { describe, expect, test } from "vitest";
import { InFlight } from "../../../src/accounting/in-flight.ts";
import { PodFailures } from "../../../src/accounting/set-aside.ts";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";
import type { SlotList } from "../../../src/pods/pool.ts";
import { CandidateRows } from "../../../src/routing/candidates.ts";
import { pickLeast } from "../../../src/routing/pick.ts";
import { Random } from "../../support/random.ts";

function membersOf(pods: readonly Pod[]): SlotList {
  return { slots: Int32Array.from(pods, ({ slot }) => slot), size: pods.length };
}

function setUp(count: number) {
  let clock = 0;
  const table = new PodTable();
  const reconcile = (total: number) =>
    table.reconcile(Array.from({ length: total }, (_, i) => ({ name: `p${i}`, address: `p${i}:1` })));
  reconcile(count);
  const pods = table.pods();
  const pools = [{ members: membersOf(pods) }];
  const said: string[] = [];
  const failures = new PodFailures({
    table,
    pools: () => pools,
    events: {
      setAside: (pod, forMs, why) => said.push(`${pod.name} aside ${forMs}: ${why}`),
      letIn: (pod) => said.push(`${pod.name} in`),
    },
    now: () => clock,
  });
  const advance = (ms: number) => {
    clock += ms;
    failures.tick();
  };
  const fail = (pod: Pod, times: number) => {
    for (let i = 0; i < times; i++) failures.failed(pod, "status");
  };
  const aside = () => pods.filter(({ slot }) => table.setAside[slot] === 1).map(({ name }) => name);
  return { table, pods: pods as [Pod, Pod, Pod, Pod], pools, said, failures, advance, fail, aside, reconcile };
}

describe("PodFailures sets a pod aside", () => {
  test("after three failures in a row, not after three with a success between", () => {
    const { pods, failures, fail, aside, said } = setUp(4);
    fail(pods[0], 2);
    failures.succeeded(pods[0]);
    fail(pods[0], 2);
    expect(aside()).toEqual([]);
    fail(pods[0], 1);
    expect([aside(), said]).toEqual([["p0"], ["p0 aside 1000: 3 requests in a row failed (status)"]]);
  });

  test("when more than half of at least ten outcomes are failures", () => {
    const { pods, failures, aside, said } = setUp(4);
    const outcomes = ["failed", "failed", "succeeded"];
    for (let i = 0; i < 10; i++) {
      expect(aside()).toEqual([]);
      if (outcomes[i % 3] === "failed") failures.failed(pods[1], "connect");
      else failures.succeeded(pods[1]);
    }
    expect(said).toEqual(["p1 aside 1000: 7 of the last 10 requests failed (connect)"]);
  });

  test("not when half or less fail, nor for failures of long ago", () => {
    const { pods, failures, advance, aside } = setUp(4);
    for (let i = 0; i < 100; i++) {
      failures.failed(pods[1], "status");
      failures.succeeded(pods[1]);
    }
    for (let i = 0; i < 30; i++) {
      failures.failed(pods[2], "status");
      failures.failed(pods[2], "status");
      failures.succeeded(pods[2]);
      advance(10_001);
    }
    expect(aside()).toEqual([]);
  });

  test("for failures in a row that are minutes apart, but not for those of another time", () => {
    const { pods, fail, advance, aside, said } = setUp(4);
    for (let i = 0; i < 3; i++) {
      expect(said).toEqual([]);
      advance(120_000);
      fail(pods[0], 1);
    }
    expect(aside()).toEqual(["p0"]);
    advance(1_000);
    fail(pods[1], 2);
    advance(300_001);
    fail(pods[1], 2);
    expect(aside()).toEqual([]);
    fail(pods[1], 1);
    expect(aside()).toEqual(["p1"]);
  });

  test("not on failures of a tenant that has left; the next one starts clean", () => {
    const { pods, failures, fail, table, reconcile } = setUp(4);
    fail(pods[3], 2);
    reconcile(3);
    reconcile(4);
    const next = table.byAddress("p3:1") as Pod;
    expect(next.slot).toBe(pods[3].slot);
    fail(pods[3], 5);
    failures.failed(next, "status");
    expect(table.setAside[next.slot]).toBe(0);
    fail(next, 2);
    expect(table.setAside[next.slot]).toBe(1);
    failures.succeeded(pods[3]);
    expect(table.setAside[next.slot]).toBe(1);
  });
});

describe("PodFailures and a request that fails on every pod", () => {
  const POISON = 7;

  test("sets aside the first pod that meets it, and then none for half a minute", () => {
    const { pods, failures, advance, said } = setUp(4);
    for (let i = 0; i < 240; i++) {
      // 8 a second to the same pod as long as it is there, as the prefix cache has it; the first is tried again.
      const pod = pods[i < 3 ? 0 : 1];
      failures.failed(pod, "status", undefined, POISON);
      if (i % 8 === 7) failures.succeeded(pods[0], undefined, 1_000 + i);
      advance(125);
    }
    expect(said).toEqual(["p0 aside 1000: 3 requests in a row failed (status)", "p0 in"]);
  });

  test("leaves a pod on trial where that request is tried on it", () => {
    const { pods, failures, advance, aside, said } = setUp(4);
    for (let i = 0; i < 3; i++) failures.failed(pods[0], "status", undefined, POISON);
    failures.failed(pods[1], "status", undefined, POISON);
    advance(1_000);
    failures.picked(pods[0]);
    failures.failed(pods[0], "status", undefined, POISON);
    advance(1_000);
    expect([aside(), said.length]).toEqual([[], 1]);
  });

  test("sets aside every pod that fails what another one serves", () => {
    const { pods, failures, aside } = setUp(4);
    for (let i = 0; i < 3; i++) failures.failed(pods[0], "status", undefined, POISON);
    failures.succeeded(pods[2], undefined, POISON);
    for (let i = 0; i < 3; i++) failures.failed(pods[1], "status", undefined, POISON);
    expect(aside()).toEqual(["p0", "p1"]);
  });

  test("takes a refused connection for the pod's fault, whatever the request", () => {
    const { pods, failures, aside } = setUp(4);
    for (const pod of pods.slice(0, 2)) for (let i = 0; i < 3; i++) failures.failed(pod, "connect", undefined, POISON);
    expect(aside()).toEqual(["p0", "p1"]);
  });
});

describe("PodFailures lets a pod in again", () => {
  test("one request at a time, and for good once one succeeded", () => {
    const { pods, failures, fail, advance, aside, said } = setUp(4);
    fail(pods[0], 3);
    advance(999);
    expect(aside()).toEqual(["p0"]);
    advance(1);
    expect(aside()).toEqual([]);
    failures.picked(pods[0]);
    expect(aside()).toEqual(["p0"]);
    failures.succeeded(pods[0]);
    failures.picked(pods[0]);
    expect([aside(), said.at(-1)]).toEqual([[], "p0 in"]);
    fail(pods[0], 2);
    expect(aside()).toEqual([]);
  });

  test("at once for twice as long when that request fails, up to 30 s", () => {
    const { pods, fail, advance, said } = setUp(4);
    fail(pods[0], 3);
    for (const forMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]) {
      advance(forMs);
      fail(pods[0], 1);
    }
    expect(said.slice(1)).toEqual([2, 4, 8, 16, 30, 30].map((s) => `p0 aside ${s}000: failed again (status)`));
  });

  test("for longer when it soon fails again, but not when it was well for half a minute", () => {
    const { pods, failures, fail, advance, said } = setUp(4);
    for (const wellForMs of [1_000, 30_000, 0]) {
      fail(pods[0], 3);
      advance(2_000);
      failures.succeeded(pods[0]);
      advance(wellForMs);
    }
    expect(said.filter((line) => line.includes("aside")).map((line) => line.split(":")[0])).toEqual([
      "p0 aside 1000",
      "p0 aside 2000",
      "p0 aside 1000",
    ]);
  });

  test("without heed to the outcome of requests that were picked before", () => {
    const { pods, failures, fail, advance, aside, said } = setUp(4);
    fail(pods[0], 3);
    failures.succeeded(pods[0]);
    expect(aside()).toEqual(["p0"]);
    advance(1_000);
    failures.failed(pods[0], "connect", 900);
    failures.succeeded(pods[0], 900);
    expect([aside(), said.length]).toEqual([[], 1]);
    failures.failed(pods[0], "connect", 1_000);
    expect([aside(), said.at(-1)]).toEqual([["p0"], "p0 aside 2000: failed again (connect)"]);
  });

  test("for another try each second while the outcome of the last is not known", () => {
    const { pods, failures, fail, advance, aside } = setUp(4);
    fail(pods[0], 3);
    advance(1_000);
    failures.picked(pods[0]);
    advance(900);
    expect(aside()).toEqual(["p0"]);
    advance(100);
    expect(aside()).toEqual([]);
  });
});

describe("PodFailures leaves at least half of a pool", () => {
  test.each([
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [9, 4],
  ])("of %i pods that all fail, %i are set aside", (count, most) => {
    const { pods, fail, aside, advance, failures } = setUp(count);
    for (let round = 0; round < 200; round++) {
      for (const pod of pods) {
        failures.picked(pod);
        fail(pod, 1);
        expect(aside().length).toBeLessThanOrEqual(most);
      }
      if (round === 3) expect(aside().length).toBe(most);
      advance(100);
    }
  });

  test("of the pods that answer, in each pool a pod belongs to", () => {
    const { table, pods, pools, fail, aside } = setUp(4);
    table.reachable[pods[2].slot] = 0;
    table.reachable[pods[3].slot] = 0;
    fail(pods[0], 3);
    fail(pods[1], 3);
    expect(aside()).toEqual(["p0"]);
    table.reachable.fill(1);
    pools.push({ members: membersOf([pods[1]]) });
    fail(pods[1], 1);
    expect(aside()).toEqual(["p0"]);
    fail(pods[2], 3);
    expect(aside()).toEqual(["p0", "p2"]);
  });

  test("also when the others leave", () => {
    const { pods, pools, fail, aside, advance } = setUp(4);
    fail(pods[0], 3);
    fail(pods[1], 3);
    expect(aside()).toEqual(["p0", "p1"]);
    pools[0]!.members = membersOf(pods.slice(0, 3));
    advance(100);
    expect(aside()).toHaveLength(1);
  });
});

test("PodFailures.tick looks at each pool once, however many pods are out", () => {
  const { table, pods, pools, fail, aside, advance } = setUp(400);
  for (const pod of pods.slice(0, 200)) fail(pod, 3);
  expect(aside()).toHaveLength(200);
  let looks = 0;
  const [{ members }] = pools as [{ members: SlotList }];
  pools[0] = {
    get members() {
      looks++;
      return members;
    },
  };
  let reads = 0;
  const { reachable } = table;
  table.reachable = new Proxy(reachable, {
    get(target, key) {
      reads++;
      return Reflect.get(target, key, target);
    },
  });
  advance(100);
  expect(looks).toBe(1);
  expect(reads).toBeLessThan(3 * 400);
  expect(aside()).toHaveLength(200);
});

interface Due {
  readonly atMs: number;
  run(): void;
}

type Picker = "least in flight" | "at random";

/** 50 requests/s to 4 pods, picks for p0 by second; p0 fails each after `failAfterMs`, the others take 0.5 s. */
function drawOf(picker: Picker, failAfterMs: number, seconds: number, seed: number): number[] {
  const random = new Random(seed);
  let clock = 0;
  const table = new PodTable();
  table.reconcile(Array.from({ length: 4 }, (_, i) => ({ name: `p${i}`, address: `p${i}:1` })));
  const members = membersOf(table.pods());
  const failures = new PodFailures({
    table,
    pools: () => [{ members }],
    events: { setAside: () => undefined, letIn: () => undefined },
    now: () => clock,
  });
  const inFlight = new InFlight(table, () => clock);
  const rows = new CandidateRows(table, ["inFlight"], () => random.next());
  const due: Due[] = [];
  const perSecond: number[] = [];
  for (; clock < seconds * 1_000; clock += 5) {
    if (clock % 100 === 0) failures.tick();
    for (const { run } of due.filter(({ atMs }) => atMs === clock)) run();
    if (clock % 20 !== 0) continue;
    rows.gather(members);
    const leastRow = pickLeast(rows.columns.inFlight, rows.size, () => random.next());
    const pod = table.podAt(rows.slotAt(picker === "at random" ? random.int(rows.size) : leastRow)) as Pod;
    const ticket = inFlight.open(pod);
    failures.picked(pod);
    const fails = pod.name === "p0";
    if (fails) perSecond[Math.floor(clock / 1_000)] = (perSecond[Math.floor(clock / 1_000)] ?? 0) + 1;
    due.push({
      atMs: clock + (fails ? failAfterMs : 500),
      run: () => {
        inFlight.close(ticket);
        if (fails) failures.failed(pod, "status", ticket.openedAtMs);
        else failures.succeeded(pod, ticket.openedAtMs);
      },
    });
  }
  return Array.from({ length: seconds }, (_, second) => perSecond[second] ?? 0);
}

describe("a pod that is ready but fails, at 50 requests/s over 4 pods", () => {
  const total = (picks: readonly number[]) => picks.reduce((sum, count) => sum + count, 0);

  test.each<[Picker, number]>([
    ["least in flight", 5],
    ["least in flight", 40],
    ["least in flight", 100],
    ["at random", 40],
  ])(
    "draws under 3 %% of the first five seconds and of any later five, picked %s, failing after %i ms",
    (picker, ms) => {
      const picks = drawOf(picker, ms, 60, 1);
      for (let from = 0; from + 5 <= 60; from++) expect(total(picks.slice(from, from + 5)) / 250).toBeLessThan(0.03);
      expect(total(picks) / 3_000).toBeLessThan(0.01);
    },
  );

  test.each<[Picker, number]>([
    ["least in flight", 1_000],
    ["at random", 1_000],
    ["least in flight", 5_000],
  ])("draws under 3 %% of any five seconds later on, picked %s, failing after %i ms", (picker, ms) => {
    const picks = drawOf(picker, ms, 60, 3);
    for (let from = 5; from + 5 <= 60; from++) expect(total(picks.slice(from, from + 5)) / 250).toBeLessThan(0.03);
  });
});

import { describe, expect, test } from "vitest";
import kvCache from "../../../scorers/kv-cache.ts";
import queueDepth from "../../../scorers/queue-depth.ts";
import { InFlight } from "../../../src/accounting/in-flight.ts";
import { Newcomers } from "../../../src/accounting/newcomers.ts";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";
import type { SlotList } from "../../../src/pods/pool.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import { CandidateRows } from "../../../src/routing/candidates.ts";
import { pickBest, pickLeast } from "../../../src/routing/pick.ts";
import { ScoringPlan } from "../../../src/routing/scoring-plan.ts";
import { Random } from "../../support/random.ts";

/** Joins and leaves by name; every pool holds what it is told to. */
class Rig {
  clock = 0;
  readonly table = new PodTable();
  readonly inFlight = new InFlight(this.table, () => this.clock);
  readonly newcomers = new Newcomers({
    table: this.table,
    picks: (slot) => this.inFlight.picks(slot),
    now: () => this.clock,
  });
  readonly pool: { members: SlotList } = { members: { slots: new Int32Array(0), size: 0 } };

  /** The pool now holds pods 0..count-1 of these names. */
  hold(names: string): Pod[] {
    const specs = [...names].map((name) => ({ name, address: `${name}:1` }));
    const { joined } = this.table.reconcile(specs);
    const slots = Int32Array.from(this.table.pods(), ({ slot }) => slot);
    this.pool.members = { slots, size: slots.length };
    this.newcomers.joined(this.pool, joined);
    return joined;
  }

  pass(ms: number): void {
    for (const until = this.clock + ms; this.clock < until; ) {
      this.clock += 100;
      this.newcomers.tick();
    }
  }

  pod(name: string): Pod {
    return this.table.byAddress(`${name}:1`) as Pod;
  }

  admission(names: string): number[] {
    return [...names].map((name) => this.table.admission[this.pod(name).slot] as number);
  }
}

/** Pods a, b, c, d that are settled. */
function settled(): Rig {
  const rig = new Rig();
  rig.hold("abcd");
  rig.pass(100);
  return rig;
}

describe("Newcomers", () => {
  test("do not ramp in an empty pool", () => {
    const rig = new Rig();
    rig.hold("abcd");
    expect(rig.admission("abcd")).toEqual([1, 1, 1, 1]);
    rig.pass(100);
    expect(rig.admission("abcd")).toEqual([1, 1, 1, 1]);
  });

  test("begin small beside settled pods, rise while nobody picks, and are settled after ten seconds", () => {
    const rig = settled();
    rig.hold("abcde");
    const seen = rig.admission("e");
    for (let second = 0; second < 10; second++) {
      rig.pass(1_000);
      seen.push(...rig.admission("e"));
    }
    expect(seen[0]).toBeLessThan(0.2);
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen[9]).toBeLessThan(1);
    expect(seen[10]).toBe(1);
    expect(seen).toEqual([...seen].sort((x, y) => x - y));
    expect(rig.admission("abcd")).toEqual([1, 1, 1, 1]);
  });

  test("are admitted the more the more they are, without a jump, until they are as many as the settled", () => {
    const first = ["e", "ef", "efg", "efgh", "efghi"].map((names) => {
      const rig = settled();
      rig.hold(`abcd${names}`);
      return rig.admission(names);
    });
    for (const admissions of first) expect(new Set(admissions).size).toBe(1);
    const [one, two, three, four, five] = first.map(([admission]) => admission) as [number, ...number[]];
    expect(one).toBeLessThan(two!);
    expect(two).toBeLessThan(three!);
    expect(three).toBeLessThan(0.9);
    expect([four, five]).toEqual([1, 1]);
  });

  test("that follow one another count together", () => {
    const rig = settled();
    rig.hold("abcde");
    rig.pass(1_000);
    rig.hold("abcdefg");
    expect(Math.max(...rig.admission("efg"))).toBeLessThan(0.9);
    rig.hold("abcdefgh");
    rig.pass(100);
    expect(rig.admission("efgh")).toEqual([1, 1, 1, 1]);
  });

  test("take over when the settled pods leave, stop answering or are set aside", () => {
    const gone = [
      (rig: Rig) => rig.hold("e"),
      ({ table, pool }: Rig) => {
        for (const slot of pool.members.slots.subarray(0, 4)) table.reachable[slot] = 0;
      },
      ({ table, pool }: Rig) => {
        for (const slot of pool.members.slots.subarray(0, 4)) table.setAside[slot] = 1;
      },
    ];
    for (const go of gone) {
      const rig = settled();
      rig.hold("abcde");
      rig.pass(1_000);
      expect(rig.admission("e")[0]).toBeLessThan(0.5);
      go(rig);
      rig.pass(100);
      expect(rig.admission("e")).toEqual([1]);
    }
  });

  test("of two pools go by the one that needs them more, whichever is told of first", () => {
    for (const order of [0, 1]) {
      const rig = settled();
      const [pod] = rig.table.reconcile([..."abcde"].map((name) => ({ name, address: `${name}:1` }))).joined as [Pod];
      const empty = { members: { slots: Int32Array.of(pod.slot), size: 1 } };
      rig.pool.members = { slots: Int32Array.from(rig.table.pods(), ({ slot }) => slot), size: 5 };
      for (const pool of order === 0 ? [rig.pool, empty] : [empty, rig.pool]) rig.newcomers.joined(pool, [pod]);
      expect(rig.admission("e")).toEqual([1]);
      rig.pass(1_000);
      expect(rig.admission("e")).toEqual([1]);
    }
  });

  test("that leave are forgotten: the slot's next tenant begins anew", () => {
    const rig = settled();
    rig.hold("abcde");
    rig.pass(9_000);
    const [late] = rig.admission("e") as [number];
    rig.hold("abcd");
    rig.hold("abcdf");
    expect(rig.admission("f")[0]).toBeLessThan(late / 2);
    rig.pass(1_100);
    expect(rig.admission("f")[0]).toBeLessThan(late);
  });
});

type Picker = (rows: CandidateRows, random: () => number) => number;

const plan = new ScoringPlan(
  [
    { scorer: queueDepth, weight: 1 },
    { scorer: kvCache, weight: 1 },
  ],
  { threw: () => undefined, outOfRange: () => undefined },
);

const pickers: Record<string, Picker> = {
  "at random": (rows, random) => Math.floor(random() * rows.size),
  "least in flight": (rows, random) => pickLeast(rows.columns.inFlight, rows.size, random),
  "by queue depth and KV cache": (rows, random) => pickBest(plan.run(rows, bodylessRequest), rows.size, random),
  "the emptiest cache": (rows, random) => pickLeast(rows.columns.kvUsage, rows.size, random),
};

interface Traffic {
  readonly pick: Picker;
  readonly perSecond: number;
  readonly lifetimeMs: number;
  /** Settled pods; one more joins after 20 seconds. */
  readonly pods: number;
  readonly seed: number;
}

const podNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Shares of the picks that the newcomer gets in its first ten seconds, one by one; pages are read each second. */
function sharesOf({ pick, perSecond, lifetimeMs, pods, seed }: Traffic): number[] {
  const random = new Random(seed);
  const rig = new Rig();
  const { table, inFlight, pool } = rig;
  rig.hold(podNames.slice(0, pods));
  const rows = new CandidateRows(table, ["inFlight", "waiting", "kvUsage"], () => random.next());
  const due = new Map<number, (() => void)[]>();
  const picked = Array.from({ length: 10 }, () => ({ all: 0, newcomer: 0 }));
  for (; rig.clock < 30_000; rig.clock++) {
    if (rig.clock === 20_000) rig.hold(podNames.slice(0, pods + 1));
    if (rig.clock % 100 === 0) rig.newcomers.tick();
    if (rig.clock % 1_000 === 0)
      for (const { slot } of table.pods()) {
        table.columns.waiting[slot] = 0;
        table.columns.kvUsage[slot] = Math.min(1, (table.columns.inFlight[slot]! * pods) / (perSecond * 20));
      }
    for (const end of due.get(rig.clock) ?? []) end();
    due.delete(rig.clock);
    if (!random.chance(perSecond / 1_000)) continue;
    rows.gather(pool.members);
    const pod = table.podAt(rows.slotAt(pick(rows, () => random.next()))) as Pod;
    const ticket = inFlight.open(pod);
    const endMs = rig.clock + Math.ceil(lifetimeMs * (0.5 + random.next()));
    due.set(endMs, [...(due.get(endMs) ?? []), () => inFlight.close(ticket)]);
    const second = picked[Math.floor((rig.clock - 20_000) / 1_000)];
    if (second === undefined) continue;
    second.all++;
    if (pod.name === podNames[pods]) second.newcomer++;
  }
  return picked.map(({ all, newcomer }) => newcomer / Math.max(1, all));
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const span = (shares: readonly number[]) => [Math.min(...shares), Math.max(...shares)] as [number, number];

describe("a fifth pod beside four, at 50 requests/s", () => {
  const cases = Object.keys(pickers).flatMap((name) => [300, 2_000, 30_000].map((ms) => [name, ms] as const));

  test.each(cases)(
    "gets 5 to 25 %% of the picks in its first ten seconds: %s, requests of %i ms",
    (name, lifetimeMs) => {
      const pick = pickers[name] as Picker;
      const runs = [1, 2, 3].map((seed) => mean(sharesOf({ pick, perSecond: 50, lifetimeMs, pods: 4, seed })));
      const [least, most] = span(runs);
      expect(least).toBeGreaterThan(0.05);
      expect(most).toBeLessThan(0.25);
    },
  );

  test("is not flooded in any of its first seconds, however empty it looks", () => {
    const pick = pickers["least in flight"] as Picker;
    const shares = sharesOf({ pick, perSecond: 400, lifetimeMs: 30_000, pods: 4, seed: 1 });
    expect(span(shares.slice(0, 5))[1]).toBeLessThan(0.2);
    expect(span(shares)[1]).toBeLessThan(0.35);
  });
});

test("a pod that joins forty is flooded no more", () => {
  const pick = pickers["least in flight"] as Picker;
  const shares = sharesOf({ pick, perSecond: 400, lifetimeMs: 30_000, pods: 40, seed: 1 });
  expect(span(shares)[1]).toBeLessThan(0.1);
  expect(mean(shares)).toBeGreaterThan(0.01);
});

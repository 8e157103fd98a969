import { describe, expect, test } from "vitest";
import { InFlight, type Ticket } from "../../../src/accounting/in-flight.ts";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";
import { Random } from "../../support/random.ts";

/** Pods a and b, a clock, and pages written as the scraper does, made in the moment they are asked for, the present. */
function setUp() {
  let clock = 1_000;
  const table = new PodTable();
  const inFlight = new InFlight(table, () => clock);
  table.reconcile([
    { name: "a", address: "a:1" },
    { name: "b", address: "b:1" },
  ]);
  const [a, b] = table.pods() as [Pod, Pod];
  const { waiting, running } = table.columns;
  const readings = (pod = a) => [waiting[pod.slot], running[pod.slot]];
  const advance = (ms: number) => {
    clock += ms;
    return clock;
  };
  const page = (queued: number, batch: number, startedAtMs = advance(100), pod = a, endedAtMs = startedAtMs) => {
    waiting[pod.slot] = queued;
    running[pod.slot] = batch;
    inFlight.scraped(pod, startedAtMs, endedAtMs);
  };
  const openMany = (count: number, pod = a) => Array.from({ length: count }, () => inFlight.open(pod));
  return { table, inFlight, a, b, readings, page, openMany, advance };
}

describe("InFlight between two scrapes", () => {
  test("puts an opened request into the batch where nothing waits, else into the queue", () => {
    const { page, openMany, readings } = setUp();
    page(0, 3);
    openMany(2);
    expect(readings()).toEqual([0, 5]);
    page(2, 3);
    openMany(2);
    expect(readings()).toEqual([4, 3]);
  });

  test("lets a request that ends make room for one that waits", () => {
    const { page, openMany, readings, inFlight } = setUp();
    const tickets = openMany(3);
    page(1, 2);
    const left = tickets.map((ticket) => {
      inFlight.close(ticket);
      return readings();
    });
    expect(left).toEqual([
      [0, 2],
      [0, 1],
      [0, 0],
    ]);
  });

  test("lets nothing below zero, however little the page knew of", () => {
    const { page, openMany, readings, inFlight } = setUp();
    const tickets = openMany(3);
    page(0.5, 1);
    for (const ticket of tickets) inFlight.close(ticket);
    expect(readings()).toEqual([0, 0]);
  });

  test("lets what is unknown stay unknown", () => {
    const { page, openMany, readings, inFlight } = setUp();
    inFlight.close(openMany(3)[0] as Ticket);
    expect(readings()).toEqual([Number.NaN, Number.NaN]);
    page(0, Number.NaN);
    inFlight.close(openMany(1)[0] as Ticket);
    expect(readings()).toEqual([0, Number.NaN]);
    page(Number.NaN, 4);
    openMany(1);
    expect(readings()).toEqual([Number.NaN, 5]);
  });

  test("keeps the readings where an end is only estimated", () => {
    const { page, openMany, readings, inFlight, advance, table, a } = setUp();
    for (const ticket of openMany(4)) inFlight.estimate(ticket);
    advance(1_000);
    page(0, 1);
    expect([readings(), table.columns.inFlight[a.slot]]).toEqual([[0, 1], 1]);
    advance(60_000);
    inFlight.expire();
    expect([readings(), table.columns.inFlight[a.slot]]).toEqual([[0, 1], 0]);
  });

  test("does not touch the slot's next tenant when a ticket of the last one ends", () => {
    const { page, openMany, inFlight, table, readings, a } = setUp();
    const [closed, withdrawn, moved] = openMany(3) as [Ticket, Ticket, Ticket];
    table.reconcile([{ name: "b", address: "b:1" }]);
    table.reconcile([
      { name: "b", address: "b:1" },
      { name: "c", address: "c:1" },
    ]);
    const next = table.byAddress("c:1") as Pod;
    expect(next.slot).toBe(a.slot);
    page(1, 2, undefined, next);
    inFlight.close(closed);
    inFlight.withdraw(withdrawn);
    inFlight.move(moved, table.byAddress("b:1") as Pod);
    inFlight.scraped(a, 0);
    expect(readings(next)).toEqual([1, 2]);
  });
});

describe("a pod's batch limit", () => {
  test("is the largest batch beside which something waited", () => {
    const { page, openMany, readings } = setUp();
    page(1, 4);
    page(0, 2);
    openMany(4);
    expect(readings()).toEqual([2, 4]);
  });

  test("is not believed from a smaller batch than others before", () => {
    const { page, openMany, readings } = setUp();
    page(0, 4);
    page(1, 2);
    page(0, 2);
    openMany(4);
    expect(readings()).toEqual([0, 6]);
  });

  test("is disproved by a larger batch beside which nothing waits", () => {
    const { page, openMany, readings } = setUp();
    page(1, 4);
    page(0, 5);
    openMany(2);
    expect(readings()).toEqual([0, 7]);
  });

  test("is not taken from a pod that runs nothing yet, and is forgotten with the pod", () => {
    const { page, openMany, readings, table, a } = setUp();
    page(2, 0);
    page(0, 0);
    openMany(2);
    expect(readings()).toEqual([0, 2]);
    page(1, 2);
    const stays = { name: "b", address: "b:1" };
    table.reconcile([stays]);
    table.reconcile([stays, { name: "d", address: "d:1" }]);
    const next = table.byAddress("d:1") as Pod;
    expect(next.slot).toBe(a.slot);
    page(0, 1, undefined, next);
    openMany(3, next);
    expect(readings(next)).toEqual([0, 4]);
  });
});

describe("InFlight.scraped", () => {
  test("adds the open requests that are too young for the page, and no others", () => {
    const { page, openMany, readings, inFlight, advance } = setUp();
    openMany(5);
    const begin = advance(100);
    advance(-15);
    const [closed, estimated, withdrawn] = openMany(4) as [Ticket, Ticket, Ticket];
    advance(40);
    inFlight.close(closed);
    inFlight.estimate(estimated);
    inFlight.withdraw(withdrawn);
    openMany(1);
    page(0, 5, begin);
    expect(readings()).toEqual([0, 8]);
    page(0, 8);
    expect(readings()).toEqual([0, 8]);
  });

  test("takes off the requests on the page that ended while it was on its way, once", () => {
    const { page, openMany, readings, inFlight, advance } = setUp();
    const [before, after, ...others] = openMany(6) as [Ticket, Ticket, ...Ticket[]];
    const begin = advance(1_000);
    advance(-100);
    inFlight.close(before);
    advance(200);
    inFlight.close(after);
    page(0, 5, begin);
    expect(readings()).toEqual([0, 4]);
    page(2, 2, advance(10));
    expect(readings()).toEqual([2, 2]);
    for (const ticket of others) inFlight.close(ticket);
    page(1, 3, advance(-20));
    expect(readings()).toEqual([0, 0]);
  });

  test("takes a page for made in the middle between question and answer", () => {
    const { page, openMany, readings, inFlight, advance, a } = setUp();
    const [early, late] = openMany(2) as [Ticket, Ticket];
    const begin = advance(1_000);
    advance(400);
    inFlight.close(early);
    openMany(3);
    advance(200);
    inFlight.close(late);
    openMany(1);
    page(0, 4, begin, a, advance(400));
    expect(readings()).toEqual([0, 4]);
  });

  test("follows a pod whose page takes long to make, without drifting up", () => {
    const { inFlight, page, readings, openMany, advance, a } = setUp();
    const random = new Random(3);
    const open: { ticket: Ticket; endMs: number }[] = [];
    let asked: { readonly atMs: number; readonly madeMs: number; count: number } | undefined;
    let [sum, count] = [0, 0];
    for (let ms = 0; ms < 40_000; ms++) {
      const now = advance(1);
      if (random.chance(0.05)) for (const ticket of openMany(1)) open.push({ ticket, endMs: now + 200 });
      while (open[0] !== undefined && open[0].endMs <= now) inFlight.close(open.shift()!.ticket);
      if (ms % 1_000 === 0) asked = { atMs: now, madeMs: now + random.int(900), count: 0 };
      if (asked?.madeMs === now) asked.count = open.length;
      if (asked !== undefined && now === asked.atMs + 900) {
        page(0, asked.count, asked.atMs, a, now);
        asked = undefined;
      }
      if (ms < 2_000) continue;
      sum += readings()[1]! - open.length;
      count++;
    }
    expect(Math.abs(sum / count)).toBeLessThan(1.5);
  });

  test("adds a bounded number after a scrape that took very long", () => {
    const { page, openMany, readings } = setUp();
    openMany(1_000);
    page(0, 0, 0);
    expect(readings()).toEqual([0, 128]);
    openMany(1);
    expect(readings()).toEqual([0, 129]);
  });

  test("makes a page right that does not know of a pick taken back since", () => {
    const { page, openMany, readings, inFlight } = setUp();
    const [early] = openMany(1) as [Ticket];
    page(0, 2);
    inFlight.withdraw(early);
    expect(readings()).toEqual([0, 2]);
    const [late] = openMany(1) as [Ticket];
    inFlight.withdraw(late);
    expect(readings()).toEqual([0, 2]);
  });
});

describe("InFlight.move", () => {
  test("counts the ticket on the pod that served, once, until it is closed", () => {
    const { page, openMany, readings, inFlight, table, a, b } = setUp();
    page(0, 1);
    page(0, 1, undefined, b);
    const counts = () => [table.columns.inFlight[a.slot], table.columns.inFlight[b.slot]];
    const [ticket] = openMany(1) as [Ticket];
    inFlight.move(ticket, a);
    expect([counts(), readings(a), readings(b)]).toEqual([
      [1, 0],
      [0, 2],
      [0, 1],
    ]);
    inFlight.move(ticket, b);
    expect([counts(), readings(a), readings(b), inFlight.streaming]).toEqual([[0, 1], [0, 1], [0, 2], 1]);
    inFlight.close(ticket);
    inFlight.move(ticket, a);
    expect([counts(), readings(a), readings(b), inFlight.streaming]).toEqual([[0, 0], [0, 1], [0, 1], 0]);
  });

  test("leaves pages alone that were made since the pick: they know where the request went", () => {
    const { page, openMany, readings, inFlight, advance, a, b } = setUp();
    const [ticket] = openMany(1) as [Ticket];
    const made = advance(100);
    page(0, 3, made, a);
    page(0, 5, made, b);
    inFlight.move(ticket, b);
    expect([readings(a), readings(b)]).toEqual([
      [0, 3],
      [0, 5],
    ]);
    inFlight.close(ticket);
    expect(readings(b)).toEqual([0, 4]);
  });

  test("follows a request to a pod while the picked one has left", () => {
    const { openMany, inFlight, table, b } = setUp();
    const [ticket] = openMany(1) as [Ticket];
    table.reconcile([{ name: "b", address: "b:1" }]);
    inFlight.move(ticket, b);
    expect(table.columns.inFlight[b.slot]).toBe(1);
    inFlight.estimate(ticket);
    inFlight.move(ticket, b);
    expect([inFlight.streaming, inFlight.estimated]).toEqual([0, 1]);
  });
});

test("InFlight.picks counts the picks of a slot's tenant without those taken back", () => {
  const { openMany, inFlight, table, a } = setUp();
  const [closed, withdrawn] = openMany(3) as [Ticket, Ticket];
  inFlight.close(closed);
  inFlight.withdraw(withdrawn);
  expect(inFlight.picks(a.slot)).toBe(2);
  table.reconcile([]);
  expect(inFlight.picks(a.slot)).toBe(0);
});

describe("whatever the order of events", () => {
  test.each(Array.from({ length: 30 }, (_, seed) => seed))("the readings keep within reason, seed %i", (seed) => {
    const random = new Random(seed);
    const { inFlight, page, readings, advance, openMany, table, a, b } = setUp();
    const tickets: Ticket[] = [];
    const ends: (Ticket & { readonly atMs: number })[] = [];
    const close = () => {
      const ticket = random.of(tickets);
      if (ticket.stage === "streaming") ends.push({ ...ticket, atMs: advance(0) });
      inFlight.close(ticket);
    };
    const scrapedAtMs: number[] = [];
    const steps: (() => void)[] = [
      () => tickets.push(...openMany(1 + random.int(3), random.of([a, b]))),
      () => tickets.length > 0 && close(),
      () => tickets.length > 0 && close(),
      () => tickets.length > 0 && inFlight.withdraw(random.of(tickets)),
      () => tickets.length > 0 && inFlight.estimate(random.of(tickets)),
      () => tickets.length > 0 && inFlight.move(random.of(tickets), random.of([a, b])),
      () => inFlight.expire(),
      () => advance(random.int(random.chance(0.1) ? 10_000 : 60)),
      () => {
        const pod = random.of([a, b]);
        // A scrape begins after the last one of its pod ended.
        const startedAtMs = Math.max(advance(0) - random.int(100), scrapedAtMs[pod.slot] ?? 0);
        scrapedAtMs[pod.slot] = advance(0);
        const [queued, batch] = [random.chance(0.1) ? Number.NaN : random.int(3), random.int(6)];
        page(queued, batch, startedAtMs, pod);
        const unseen = tickets.filter(
          ({ slot, stage, openedAtMs }) => slot === pod.slot && stage !== "over" && openedAtMs > startedAtMs - 20,
        );
        const over = ends.filter(
          ({ slot, openedAtMs, atMs }) => slot === pod.slot && openedAtMs <= startedAtMs - 20 && atMs > startedAtMs,
        );
        const left = Math.max(0, queued + batch + unseen.length - over.length);
        if (unseen.length + over.length === 0) expect(readings(pod)).toEqual([queued, batch]);
        else if (queued >= 0) expect(readings(pod)[0]! + readings(pod)[1]!).toBe(left);
      },
    ];
    for (let i = 0; i < 1_500; i++) {
      random.of(steps)();
      for (const pod of [a, b]) {
        expect(readings(pod).some((reading) => reading! < 0)).toBe(false);
        const open = tickets.filter(({ slot, stage }) => slot === pod.slot && stage !== "over");
        expect(table.columns.inFlight[pod.slot]).toBe(open.length);
      }
    }
  });

  test.each([1, 2, 3, 4])("the readings follow a pod whose only requests are ours, seed %i", (seed) => {
    const limit = 6;
    const random = new Random(seed);
    const { inFlight, page, readings, advance, a } = setUp();
    let open: { ticket: Ticket; ticks: number }[] = [];
    let limitSeen = false;
    let checked = 0;
    // A tick is 20 ms: the pod knows every request but those of the present one.
    for (let tick = 0; tick < 5_000; tick++) {
      advance(20);
      for (const request of open) request.ticks--;
      for (const { ticket } of open.slice(0, limit).filter(({ ticks }) => ticks <= 0)) inFlight.close(ticket);
      open = open.filter(({ ticket }) => ticket.stage !== "over");
      if (tick % 50 === 0) {
        page(Math.max(0, open.length - limit), Math.min(open.length, limit), advance(0));
        limitSeen ||= open.length > limit;
      }
      const busy = Math.floor(tick / 500) % 2 === 1;
      while (random.chance(busy ? 0.4 : 0.2)) open.push({ ticket: inFlight.open(a), ticks: 5 + random.int(20) });
      const [queued, batch] = readings() as [number, number];
      expect(queued + batch).toBe(open.length);
      if (!limitSeen) continue;
      checked++;
      expect([queued, batch]).toEqual([Math.max(0, open.length - limit), Math.min(open.length, limit)]);
    }
    expect(checked).toBeGreaterThan(1_000);
  });
});

/**
 * A backend that keeps failing is left alone, and asked again after a while: seen in Envoy's counters and in who served.
 * What the shipped values of failover.yaml are for shows where they are missing.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Edit } from "../../src/demo/envoy-config.ts";
import { type BackendsRig, failoverPlaces, startBackendsRig } from "../support/backends-rig.ts";
import { completes } from "../support/chat-answers.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { answers, hangs, resets, type Serve } from "../support/wired-backend.ts";

const hasEnvoy = (await findTestEnvoy()) !== undefined;
const nobody = "127.0.0.1:1";

const detector = [...failoverPlaces.cluster, "outlier_detection"];
const active = "cluster.backends.outlier_detection.ejections_active";
const enforced = "cluster.backends.outlier_detection.ejections_enforced_consecutive_5xx";
const overflow = "cluster.backends.outlier_detection.ejections_overflow";

/** As shipped. */
const FAILURES = 5;
/** Shorter than shipped, and long enough for a request in between on a busy machine. */
const times: Edit[] = [
  { op: "set", at: [...detector, "interval"], to: "0.1s" },
  { op: "set", at: [...detector, "base_ejection_time"], to: "3s" },
  { op: "set", at: [...detector, "max_ejection_time"], to: "3s" },
];
/** For backends that hang: failures come by then. */
const impatient: Edit = { op: "set", at: [...failoverPlaces.retryPolicy, "per_try_timeout"], to: "0.5s" };
const patient: Edit = { op: "set", at: [...detector, "base_ejection_time"], to: "300s" };
const foreverOut: Edit[] = [...times, patient, { ...patient, at: [...detector, "max_ejection_time"] }];

/** Who was asked for each of so many requests, one after the other. */
async function servedTimes(rig: BackendsRig, count: number): Promise<string[]> {
  const served: string[] = [];
  for (let i = 0; i < count; i++) served.push(await rig.served());
  return served;
}

/** What the counters tell Envoy's workers hear a moment later. */
async function servedBecomes(rig: BackendsRig, who: string): Promise<void> {
  while ((await rig.served()) !== who);
}

const both = (count: number) => Array.from({ length: count }, () => "primary fallback");

describe.skipIf(!hasEnvoy)("a backend that fails five times in a row", () => {
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig({ pickers: 2, edits: times });
  });

  afterAll(() => rig?.stop());

  test.each<[string, Serve]>([
    ["answers 500", answers(500)],
    ["answers 429", answers(429, { "retry-after": "30" })],
    ["resets connections", resets],
  ])("that %s is left alone, and gets its requests back by itself", async (_how, does) => {
    await rig.counterBecomes(active, 0);
    const ejected = await rig.counter(enforced);
    rig.does("primary", does);
    expect(await servedTimes(rig, FAILURES)).toEqual(both(FAILURES));
    expect([await rig.counter(active), await rig.counter(enforced)]).toEqual([1, ejected + 1]);
    await servedBecomes(rig, "fallback");
    rig.does("primary", completes());
    await rig.counterBecomes(active, 0);
    await servedBecomes(rig, "primary");
  });

  test("is one that answers otherwise in between no longer", async () => {
    const ejected = await rig.counter(enforced);
    for (const does of [answers(500), completes()]) {
      rig.does("primary", does);
      await servedTimes(rig, FAILURES - 1);
    }
    rig.does("primary", answers(500));
    await servedTimes(rig, FAILURES - 1);
    rig.does("primary", completes());
    expect(await rig.served()).toBe("primary");
    expect(await rig.counter(enforced)).toBe(ejected);
  });

  test("is not one whose clients are at fault: what they read is its answer, from it alone", async () => {
    const ejected = await rig.counter(enforced);
    rig.does("primary", answers(400));
    const { status } = await rig.ask();
    expect(status).toBe(400);
    expect(await servedTimes(rig, FAILURES)).toEqual(Array.from({ length: FAILURES }, () => "primary"));
    rig.does("primary", completes());
    expect(await rig.counter(enforced)).toBe(ejected);
  });
});

describe.skipIf(!hasEnvoy)("with other edits of failover.yaml", () => {
  async function withRig(options: Parameters<typeof startBackendsRig>[0], run: (rig: BackendsRig) => Promise<void>) {
    const rig = await startBackendsRig(options);
    try {
      await run(rig);
    } finally {
      await rig.stop();
    }
  }

  test("a backend that refuses connections is left alone too", () =>
    withRig({ edits: foreverOut, at: { primary: nobody } }, async (rig) => {
      await servedTimes(rig, FAILURES);
      expect(await rig.counter(active)).toBe(1);
      // Until nobody tries to connect any more.
      const failures = () => rig.counter("cluster.backends.upstream_cx_connect_fail");
      for (let before = -1, now = await failures(); now !== before; now = await failures()) {
        before = now;
        expect((await rig.ask()).status).toBe(200);
      }
      expect(await failures()).toBeGreaterThanOrEqual(FAILURES);
    }));

  test("a backend that hangs is left alone too", () =>
    withRig({ edits: [...foreverOut, impatient] }, async (rig) => {
      rig.does("primary", hangs);
      await servedTimes(rig, FAILURES);
      expect(await rig.counter(active)).toBe(1);
      const given = await rig.counter("cluster.backends.upstream_rq_per_try_timeout");
      expect(given).toBeGreaterThanOrEqual(FAILURES);
      await servedBecomes(rig, "fallback");
    }));

  test("with both out they are asked all the same, and clients read their words", () =>
    withRig({ edits: foreverOut }, async (rig) => {
      rig.does("primary", answers(500));
      rig.does("fallback", answers(503));
      await servedTimes(rig, FAILURES);
      expect(await rig.counter(active)).toBe(2);
      for (let i = 0; i < FAILURES; i++) {
        const { body } = await rig.ask();
        expect(JSON.parse(body.toString()).error.message).toBe("not now");
      }
    }));

  test("without max_ejection_percent nobody is ever left alone", () =>
    withRig({ edits: [...foreverOut, { op: "remove", at: [...detector, "max_ejection_percent"] }] }, async (rig) => {
      rig.does("primary", answers(500));
      expect(await servedTimes(rig, FAILURES + 2)).toEqual(both(FAILURES + 2));
      expect([await rig.counter(active), (await rig.counter(overflow)) > 0]).toEqual([0, true]);
    }));

  test("without error_matcher a backend that answers 429 is asked first by every request", () =>
    withRig(
      { edits: [...foreverOut, { op: "remove", at: [...failoverPlaces.http, "outlier_detection"] }] },
      async (rig) => {
        rig.does("primary", answers(429));
        expect(await servedTimes(rig, FAILURES + 2)).toEqual(both(FAILURES + 2));
        expect(await rig.counter(active)).toBe(0);
      },
    ));
});

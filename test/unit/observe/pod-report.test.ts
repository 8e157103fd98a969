import { describe, expect, test } from "vitest";
import { InFlight } from "../../../src/accounting/in-flight.ts";
import type { Logger } from "../../../src/observe/log.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { PodReport, readPodGauges } from "../../../src/observe/pod-report.ts";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";
import type { ScrapeOutcome } from "../../../src/scrape/scraper.ts";
import { sumOf } from "../../support/picker-process.ts";

function rig(...names: string[]) {
  const table = new PodTable();
  const specs = (wanted: readonly string[]) => wanted.map((name) => ({ name, address: `${name}:8000` }));
  table.reconcile(specs(names));
  const metrics = new Metrics("1.0.0");
  readPodGauges(table, { ageMs: (pod) => (pod.name === "a" ? 1500 : Number.NaN) }, metrics.instruments);
  const samples = async () => (await metrics.render()).split("\n").filter((line) => /^pointsman_pod_\w+{/.test(line));
  return { table, metrics, samples, reconcile: (...wanted: string[]) => table.reconcile(specs(wanted)) };
}

test("readPodGauges tells every pod's readings, and nothing of those that are unknown", async () => {
  const { table, samples } = rig("a", "b");
  const [a, b] = table.pods();
  table.columns.waiting[a!.slot] = 3;
  table.columns.running[a!.slot] = 4;
  table.columns.kvUsage[a!.slot] = 0.5;
  table.columns.inFlight[a!.slot] = 6;
  table.columns.pendingTokens[a!.slot] = 700;
  table.columns.ttft[a!.slot] = 0.25;
  table.columns.tpot[b!.slot] = 0.02;
  table.reachable[b!.slot] = 0;
  table.setAside[b!.slot] = 1;
  expect(await samples()).toEqual([
    'pointsman_pod_waiting{pod="a",address="a:8000"} 3',
    'pointsman_pod_running{pod="a",address="a:8000"} 4',
    'pointsman_pod_kv_usage{pod="a",address="a:8000"} 0.5',
    'pointsman_pod_in_flight{pod="a",address="a:8000"} 6',
    'pointsman_pod_in_flight{pod="b",address="b:8000"} 0',
    'pointsman_pod_pending_tokens{pod="a",address="a:8000"} 700',
    'pointsman_pod_pending_tokens{pod="b",address="b:8000"} 0',
    'pointsman_pod_ttft_seconds{pod="a",address="a:8000"} 0.25',
    'pointsman_pod_tpot_seconds{pod="b",address="b:8000"} 0.02',
    'pointsman_pod_scrape_age_seconds{pod="a",address="a:8000"} 1.5',
    'pointsman_pod_set_aside{pod="a",address="a:8000"} 0',
    'pointsman_pod_set_aside{pod="b",address="b:8000"} 1',
    'pointsman_pod_reachable{pod="a",address="a:8000"} 1',
    'pointsman_pod_reachable{pod="b",address="b:8000"} 0',
  ]);
});

test("readPodGauges forgets a pod that left", async () => {
  const { samples, reconcile } = rig("a", "b");
  reconcile("b");
  expect(await samples()).toEqual([
    'pointsman_pod_in_flight{pod="b",address="b:8000"} 0',
    'pointsman_pod_pending_tokens{pod="b",address="b:8000"} 0',
    'pointsman_pod_set_aside{pod="b",address="b:8000"} 0',
    'pointsman_pod_reachable{pod="b",address="b:8000"} 1',
  ]);
});

test("readPodGauges follows a table that grows", async () => {
  const { metrics, reconcile } = rig("a");
  await metrics.render();
  reconcile(...Array.from({ length: 200 }, (_, i) => `pod-${i}`));
  expect(sumOf(await metrics.render(), "pointsman_pod_reachable")).toBe(200);
});

/** A report over pods whose log lines are kept, on a clock that is moved by hand. */
function report(count: number) {
  const table = new PodTable();
  table.reconcile(Array.from({ length: count }, (_, i) => ({ name: `pod-${i}`, address: `10.0.0.${i}:8000` })));
  const pods = table.pods();
  const lines: { readonly fields: Record<string, unknown>; readonly text: string }[] = [];
  const write = (fields: Record<string, unknown>, text: string) => lines.push({ fields, text });
  const metrics = new Metrics("1.0.0");
  const clock = { ms: 0 };
  const heard: string[] = [];
  const made = new PodReport({
    logs: { of: () => ({ info: write, warn: write, error: write }) as unknown as Logger },
    instruments: metrics.instruments,
    inFlight: new InFlight(table, () => clock.ms),
    models: new ServedModels(),
    caches: { told: ({ name }) => heard.push(`told ${name}`), lost: ({ name }) => heard.push(`lost ${name}`) },
    now: () => clock.ms,
  });
  const scraped = (pod: Pod, outcome: ScrapeOutcome) => made.scraped(pod, outcome, 0.01, 0, clock.ms, "HTTP 500");
  return {
    report: made,
    heard,
    metrics,
    pods,
    lines,
    clock,
    scraped,
    outcomes: () => lines.map(({ fields }) => fields["outcome"]),
  };
}

describe("PodReport says how scraping a pod goes", () => {
  test("at changes, and not that all is well at first", () => {
    const { pods, scraped, clock, outcomes } = report(1);
    for (const outcome of ["ok", "ok", "status", "status", "ok"] as const) {
      clock.ms += 1000;
      scraped(pods[0]!, outcome);
    }
    expect(outcomes()).toEqual(["status", "ok"]);
  });

  test("twice in half a minute for a pod that goes back and forth, and counts every scrape", async () => {
    const { pods, scraped, clock, lines, metrics } = report(40);
    for (let i = 0; i < 600; i++) {
      for (const pod of pods) scraped(pod, i % 2 === 0 ? "partial" : "ok");
      clock.ms += 50;
    }
    expect(lines.length).toBeLessThanOrEqual(2 * pods.length);
    expect(sumOf(await metrics.render(), "pointsman_scrapes_total")).toBe(24_000);
  });

  test("as it is in the end, however often it changed before", () => {
    const { pods, scraped, clock, outcomes } = report(1);
    for (let i = 0; i < 10; i++) scraped(pods[0]!, i % 2 === 0 ? "refused" : "ok");
    expect(outcomes()).toEqual(["refused", "ok"]);
    scraped(pods[0]!, "refused");
    clock.ms = 30_000;
    scraped(pods[0]!, "refused");
    expect(outcomes()).toEqual(["refused", "ok", "refused"]);
  });

  test("of a thousand pods a few at a time, and of all in the end", () => {
    const { pods, scraped, clock, lines } = report(200);
    for (let second = 0; second < 9; second++) {
      for (const pod of pods) scraped(pod, "refused");
      clock.ms += 1000;
    }
    expect(lines).toHaveLength(180);
    for (let second = 0; second < 9; second++) {
      for (const pod of pods) scraped(pod, "refused");
      clock.ms += 1000;
    }
    expect(new Set(lines.map(({ fields }) => fields["pod"])).size).toBe(200);
  });
});

describe("PodReport", () => {
  test("tells who mirrors the pods' caches of every page that was read, and of restarts", () => {
    const { report: made, pods, scraped, heard } = report(1);
    for (const outcome of ["ok", "partial", "refused", "timeout"] as const) scraped(pods[0]!, outcome);
    expect(heard).toEqual(["told pod-0", "told pod-0"]);
    made.restarted(pods[0]!);
    expect(heard.slice(2)).toEqual(["lost pod-0"]);
  });

  test("counts scrapes that were overtaken on their way", async () => {
    const one = report(1);
    one.report.overtaken("timeout", 7);
    expect(await one.metrics.render()).toContain('pointsman_scrapes_total{outcome="timeout"} 7');
  });

  test("names the first twenty of a pod's models, and says how many there are", () => {
    const { report: made, pods, lines } = report(1);
    const entries = Array.from({ length: 1000 }, (_, i) => ({ id: `m${i}` }));
    made.models(pods[0]!, { kind: "listed", entries });
    expect(lines[0]?.fields).toMatchObject({
      models: entries.slice(0, 20).map(({ id }) => id),
      count: 1000,
      told: true,
    });
  });

  test("says twenty restarts a second, and how many it left out", () => {
    const { report: made, pods, lines, clock } = report(1);
    for (let i = 0; i < 100; i++) made.restarted(pods[0]!);
    clock.ms = 1000;
    made.restarted(pods[0]!);
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)?.fields).toMatchObject({ dropped: 80 });
  });
});

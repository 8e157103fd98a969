/** A real Prometheus reads a fleet at work and pickers in trouble: no panel is empty, and each alert fires where it should. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rulesOf } from "../../deploy/monitoring/rules.ts";
import { ask } from "../../src/demo/ask.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { configOfModes, responseModes } from "../support/envoy-modes.ts";
import { findPrometheus } from "../support/find-prometheus.ts";
import { hastened, panelExpressions } from "../support/monitoring-files.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { RunningPrometheus } from "../support/run-prometheus.ts";
import { type SickPicker, startSickPickers } from "../support/sick-pickers.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const run = promisify(execFile);
const { found, note } = await findPrometheus();
const testEnvoy = found && (await findTestEnvoy());
const folderOfRules = fileURLToPath(new URL("../../deploy/monitoring/", import.meta.url));

const MODEL = "demo-70b";
const WITHIN_MS = 60_000;
const ALL_GONE = "PointsmanAbsent";

describe.skipIf(found?.promtool === undefined)(`promtool${note}`, () => {
  const promtool = (...args: string[]) => run(found?.promtool ?? "", args, { env: found?.env, cwd: folderOfRules });

  test("finds nothing wrong with the rules, nor with them as the tests have them", async () => {
    expect((await promtool("check", "rules", "rules.yaml")).stdout).toContain("SUCCESS");
    const folder = await mkdtemp(join(tmpdir(), "pointsman-rules-"));
    await writeFile(join(folder, "hastened.yaml"), hastened());
    expect((await promtool("check", "rules", join(folder, "hastened.yaml"))).stdout).toContain("SUCCESS");
    await rm(folder, { recursive: true });
  });

  test("has the alerts fire after as long as they say, and no earlier", async () => {
    expect((await promtool("test", "rules", "rules.test.yaml")).stdout).toContain("SUCCESS");
  });
});

describe.skipIf(testEnvoy === undefined)(`Prometheus${note}`, () => {
  const ending = new AbortController();
  const agent = new Agent({ keepAlive: true });
  let folder = "";
  let pods: FakePod[] = [];
  let healthy: PickerProcess | undefined;
  let envoy: RunningEnvoy | undefined;
  let sick: SickPicker[] = [];
  let prometheus: RunningPrometheus;
  let traffic: Promise<unknown> = Promise.resolve();

  /** All that has fired so far. */
  const fired = async (instance: string) => {
    const alerts = await prometheus.query(`last_over_time(ALERTS{alertstate="firing", instance="${instance}"}[10m])`);
    return [...new Set(alerts.map(({ metric }) => metric["alertname"] ?? ""))].sort();
  };

  /** Until the tests are over. */
  const again = async (everyMs: number, turn: () => Promise<unknown>) => {
    while (!ending.signal.aborted) {
      await turn();
      await delay(everyMs);
    }
  };

  const chat = async (turn: number) => {
    const content = `Conversation ${turn % 3}. ${"You know all of this already. ".repeat(60)} Question ${turn}?`;
    const port = envoy?.ports.get("response-streamed") ?? 0;
    await ask({ port, model: MODEL, agent }, [{ role: "user", content }], ending.signal);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pointsman-monitoring-"));
    const startPod = (_: unknown, at: number) =>
      startFakePod({ name: `pod-${at}`, model: MODEL, speed: 4, answerTokens: [4, 8] });
    [pods, sick] = await Promise.all([Promise.all(Array.from({ length: 3 }, startPod)), startSickPickers(folder)]);
    const addresses = pods.map(({ address }) => address);
    // Its readings last as long as a busy machine may be silent.
    healthy = await startPicker(["--pods", addresses.join(), "--refresh-metrics-interval=4s"]);
    const config = configOfModes(
      responseModes.filter(({ name }) => name === "response-streamed"),
      { pickers: [healthy.address], pods: addresses },
    );
    envoy = await testEnvoy?.start({ config });
    const targets = [{ instance: "healthy", picker: healthy }, ...sick].map(({ instance, picker }) => {
      return { instance, address: picker.metricsAddress };
    });
    if (found === undefined) throw new Error("there is no Prometheus");
    prometheus = await RunningPrometheus.start(found, targets, hastened());
    let turn = 0;
    traffic = Promise.all([
      ...[1, 2, 3].map(() => again(50, () => chat(turn++))),
      ...sick.map((each) => again(500, each.turn)),
    ]);
    await prometheus.until("pointsman_info", (series) => series.length === targets.length, WITHIN_MS);
    for (const each of sick) await each.fall();
  });

  afterAll(async () => {
    ending.abort();
    await traffic.catch(() => undefined);
    await prometheus?.stop();
    await envoy?.stop();
    await Promise.all([healthy?.kill(), ...sick.map((each) => each.close()), ...pods.map((pod) => pod.stop())]);
    agent.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  test.each(["killed", "empty", "dead", "mute", "slow", "overrun"])(
    "fires for the %s picker what is for it",
    async (name) => {
      const { alerts } = sick.find(({ instance }) => instance === name) ?? { alerts: [] };
      const expected = [...alerts].sort();
      const endMs = performance.now() + WITHIN_MS;
      let seen = await fired(name);
      while (performance.now() < endMs && seen.join() !== expected.join()) {
        await delay(250);
        seen = await fired(name);
      }
      expect(seen).toEqual(expected);
    },
  );

  test("stays silent about the healthy picker, by then and all the time before", async () => {
    expect(await fired("healthy")).toEqual([]);
  });

  test("has something to show in every panel, of the healthy picker alone", async () => {
    const empty: string[] = [];
    for (const { panel, expr } of panelExpressions("healthy")) {
      if (panel.onlyWhen === undefined) {
        const series = await prometheus.until(expr, (all) => all.some(({ value }) => !Number.isNaN(value)), 10_000);
        if (series.every(({ value }) => Number.isNaN(value))) empty.push(`${panel.title}: ${expr}`);
      }
    }
    expect(empty).toEqual([]);
  });

  test("has something to show in the other panels as well, of pickers in trouble", async () => {
    const empty: string[] = [];
    for (const { panel, expr } of panelExpressions(".*")) {
      if (panel.onlyWhen !== undefined && (await prometheus.query(expr)).length === 0) empty.push(panel.title);
    }
    expect(empty).toEqual([]);
  });

  test("has fired nothing else meanwhile", async () => {
    for (const { instance, alerts } of sick) expect(await fired(instance), instance).toEqual([...alerts].sort());
  });

  test("records every rule that is to be recorded", async () => {
    for (const { record } of rulesOf()) {
      if (record !== undefined) expect(await prometheus.query(`${record}{instance="healthy"}`), record).toHaveLength(1);
    }
  });

  test("fires the last one when no picker is left", async () => {
    ending.abort();
    await Promise.all([healthy?.kill(), ...sick.map(({ picker }) => picker.kill())]);
    const expr = `ALERTS{alertname="${ALL_GONE}", alertstate="firing"}`;
    expect(await prometheus.until(expr, (series) => series.length > 0, WITHIN_MS)).toHaveLength(1);
  });

  test("has a picker in trouble for every alert there is", () => {
    const covered = new Set([ALL_GONE, ...sick.flatMap(({ alerts }) => alerts)]);
    expect(rulesOf().flatMap(({ alert = "" }) => (alert === "" || covered.has(alert) ? [] : [alert]))).toEqual([]);
  });
});

import { randomUUID } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { adminOn, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { type FakePod, startFakePod } from "../../src/engine-model/fake-pod.ts";
import { chatBody } from "../support/load.ts";
import { type LogLine, type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const PODS = 8;
const PER_SECOND = 50;

describe.skipIf(testEnvoy === undefined)(`Envoy ${testEnvoy?.version}, pods restarted one after the other`, () => {
  let folder: string;
  let pods: FakePod[];
  let picker: PickerProcess;
  let envoy: RunningEnvoy;

  /** Replaced by a rename, as a config map is. */
  const tell = (present: readonly FakePod[]) => {
    const lines = present.map(({ name, address }) => `- {name: ${name}, address: "${address}"}\n`);
    writeFileSync(join(folder, "next.yaml"), `pods:\n${lines.join("")}`);
    renameSync(join(folder, "next.yaml"), join(folder, "pods.yaml"));
  };
  const names = (line: LogLine, change: "joined" | "left") => (line[change] ?? []) as readonly string[];
  const changes = (line: LogLine, change: "joined" | "left", name: string) =>
    names(line, change).length === 1 && names(line, change).includes(name);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "pointsman-rolling-"));
    const start = (i: number) => startFakePod({ name: `pod-${i}`, model: "m", speed: 20, answerTokens: [20, 200] });
    pods = await Promise.all(Array.from({ length: PODS }, (_, i) => start(i)));
    tell(pods);
    picker = await startPicker(["--pods-file", join(folder, "pods.yaml"), "-v=4"]);
    const keepId = { op: "add", at: [...places.hcm, "preserve_external_request_id"], to: true } as const;
    const edits = [listenOn(0), adminOn(0), pickersAt([picker.address]), keepId];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig("buffered.yaml", edits) });
  });

  afterEach(async () => {
    await envoy?.stop();
    await picker?.kill();
    await Promise.all(pods.map((pod) => pod.stop()));
    rmSync(folder, { recursive: true });
  });

  /** The ids of the requests that failed, at 50 requests a second until `done`. */
  async function load(done: () => boolean): Promise<{ readonly sent: number; readonly failed: string[] }> {
    const failed: string[] = [];
    const open = new Set<Promise<void>>();
    const url = `http://127.0.0.1:${envoy.ports.get("requests")}/v1/chat/completions`;
    const ask = async (turn: number, id: string) => {
      const headers = { "content-type": "application/json", "x-request-id": id };
      try {
        const response = await fetch(url, { method: "POST", headers, body: chatBody(turn) });
        if (response.status !== 200 || !(await response.text()).endsWith("data: [DONE]\n\n")) failed.push(id);
      } catch {
        failed.push(id);
      }
    };
    const startedAtMs = performance.now();
    let sent = 0;
    while (!done()) {
      for (const due = ((performance.now() - startedAtMs) / 1000) * PER_SECOND; sent < due; sent++) {
        const request: Promise<void> = ask(sent, randomUUID()).finally(() => open.delete(request));
        open.add(request);
      }
      await delay(5);
    }
    await Promise.all(open);
    return { sent, failed };
  }

  test("without a preStop hook: none is picked once it is known to leave, and no pick made after that fails", async () => {
    let done = false;
    const loading = load(() => done);
    for (const pod of pods) {
      tell(pods.filter((each) => each !== pod));
      await picker.line((line) => changes(line, "left", pod.name));
      await pod.kill();
      const picked = await picker.metric("pointsman_picks_total");
      await picker.metricBecomesAtLeast("pointsman_picks_total", picked + PER_SECOND / 2);
      await pod.revive();
      tell(pods);
      await picker.line((line) => changes(line, "joined", pod.name));
      await picker.metricBecomesAtLeast("pointsman_picks_total", picked + PER_SECOND);
    }
    done = true;
    const { sent, failed } = await loading;
    expect(sent).toBeGreaterThan(PODS * PER_SECOND);

    const { log } = picker;
    const goneAt = new Map(pods.map((pod) => [pod.name, log.findIndex((line) => changes(line, "left", pod.name))]));
    const backAt = new Map(pods.map((pod) => [pod.name, log.findIndex((line) => changes(line, "joined", pod.name))]));
    const picks = log.flatMap(({ msg, pod, requestId }, at) =>
      msg === "picked" ? [{ at, pod: String(pod), requestId }] : [],
    );
    expect(picks.length).toBeGreaterThanOrEqual(sent);
    expect(picks.filter(({ at, pod }) => at > goneAt.get(pod)! && at < backAt.get(pod)!)).toEqual([]);
    const lastPickOf = new Map(picks.map((pick) => [pick.requestId, pick]));
    const isExcused = (id: string) => {
      const pick = lastPickOf.get(id);
      return pick !== undefined && pick.at < goneAt.get(pick.pod)!;
    };
    expect(failed.filter((id) => !isExcused(id))).toEqual([]);
  });
});

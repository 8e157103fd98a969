/** `pointsman doctor` as a process of its own, against a real Envoy, a real picker and pods: healthy, broken, and repaired. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pickersAt } from "../../src/demo/envoy-config.ts";
import { CommandProcess, runCommand } from "../support/command-process.ts";
import { edits, timeoutOf } from "../support/doctor-faults.ts";
import { type DoctorRig, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";

interface Told {
  readonly outcome: string;
  readonly first: {
    readonly row: number;
    readonly name: string;
    readonly evidence: readonly { text: string }[];
  } | null;
  readonly risks: readonly { readonly row: number }[];
  readonly asked: readonly { readonly question: string; readonly isWell: boolean; readonly status: string }[];
  readonly layers: readonly { readonly layer: string; readonly state: string }[];
}

describe.skipIf(!(await hasEnvoy()))("pointsman doctor", () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let rig: DoctorRig;
  let folder: string;
  const admin = () => `http://127.0.0.1:${rig.envoy.adminPort}`;
  const gateway = () => `http://127.0.0.1:${[...rig.envoy.ports.values()][0]}`;
  const start = () => startPicker(["--pods", pods.addresses.join(","), "--unknown-model=pass"]);
  const toldBy = (text: string): Told => JSON.parse(text);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pointsman-command-"));
    pods = await startEchoPods(2);
    picker = await start();
    rig = await startDoctorRig({
      shipped: "buffered.yaml",
      edits: [pickersAt([picker.address]), edits.noHealthChecks],
    });
  });

  afterAll(async () => {
    await rig?.stop();
    await picker?.kill();
    await pods?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("finds nothing in a healthy set-up by admin port, picker and a request of its own, and ends with 0", async () => {
    const startedAt = performance.now();
    const both = `${picker.pagesAddress},${picker.address}`;
    const { code, stdout, stderr } = await runCommand(
      "doctor",
      "--envoy",
      admin(),
      "--picker",
      both,
      "--probe",
      gateway(),
      "--model=m",
      "--json",
    );
    const told = toldBy(stdout);
    expect({ code, outcome: told.outcome, first: told.first, risks: told.risks, stderr }).toEqual({
      code: 0,
      outcome: "well",
      first: null,
      risks: [],
      stderr: "",
    });
    const well = Object.fromEntries(told.asked.map(({ question, isWell }) => [question, isWell]));
    // It takes both on one port, as it is shipped.
    expect(well).toMatchObject({
      "picker-plaintext": true,
      "picker-tls": true,
      "picker-health": true,
      pick: true,
      request: true,
      "forged-destination": true,
    });
    const states = Object.fromEntries(told.layers.map(({ layer, state }) => [layer, state]));
    expect(states).toMatchObject({
      "gateway pod": "well",
      address: "well",
      route: "well",
      picker: "well",
      pod: "well",
      filter: "well",
      "end to end": "well",
    });
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  test("says on one screen what the healthy set-up looks like", async () => {
    const { code, stdout } = await runCommand("doctor", "--envoy", admin(), "--picker", picker.pagesAddress);
    expect(code).toBe(0);
    expect(stdout.split("\n").length).toBeLessThan(50);
    expect(stdout).toMatch(/^Nothing is broken/);
    expect(stdout).toMatch(/ok {2}gateway pod Envoy \d/);
  });

  test("an admin port where nobody listens is said, and no verdict is made of it", async () => {
    const { code, stdout } = await runCommand("doctor", "--envoy", "http://127.0.0.1:1");
    expect({ code, says: /127\.0\.0\.1:1: .*ECONNREFUSED/.test(stdout) }, stdout).toEqual({ code: 3, says: true });
  });

  test("compares two that run: the same but for ports and times, and one with another timeout", async () => {
    const others = [[], [timeoutOf("0.3s")]].map((more) =>
      startDoctorRig({ shipped: "buffered.yaml", edits: [pickersAt([picker.address]), edits.noHealthChecks, ...more] }),
    );
    const [same, other] = await Promise.all(others);
    const collected = async (name: string, from: DoctorRig) => {
      const to = join(folder, name);
      await runCommand("doctor", "--envoy", `http://127.0.0.1:${from.envoy.adminPort}`, "--collect", to);
      return to;
    };
    const good = await collected("good", rig);
    const alike = await runCommand("doctor", "--compare", good, await collected("alike", same!));
    expect(alike.code, alike.stdout).toBe(0);
    const bad = await runCommand("doctor", "--compare", good, await collected("bad", other!), "--json");
    const { outcome, first, also } = JSON.parse(bad.stdout);
    expect({ code: bad.code, outcome, also }).toEqual({ code: 1, outcome: "different", also: [] });
    expect(first).toMatchObject({
      step: "stream",
      path: "typed_config.message_timeout",
      good: '"10s"',
      bad: '"0.300s"',
    });
    await Promise.all([same!.stop(), other!.stop()]);
  });

  test("names a dead picker, its bundle does elsewhere, and a watch sees it come back", async () => {
    await picker.kill();
    expect(await rig.askTimes(3)).toEqual([503, 503, 503]);
    const live = await runCommand("doctor", "--envoy", admin(), "--picker", picker.address, "--json");
    expect([live.code, toldBy(live.stdout).first?.row], live.stdout).toEqual([1, 12]);
    expect(toldBy(live.stdout).asked.map(({ isWell }) => isWell)).toEqual([false, false]);

    const bundle = join(folder, "bundle");
    const collected = await runCommand("doctor", "--envoy", admin(), "--picker", picker.address, "--collect", bundle);
    expect(collected.code, collected.stdout).toBe(0);
    expect((await readdir(bundle)).sort()).toEqual([
      "CONTENTS.txt",
      "clusters.txt",
      "config_dump.json",
      "listeners.txt",
      "live.json",
      "server_info.json",
      "stats.txt",
    ]);
    const elsewhere = await runCommand("doctor", bundle);
    expect([elsewhere.code, elsewhere.stdout.split("\n")[0]], elsewhere.stdout).toEqual([
      1,
      expect.stringContaining("(row 12, picker-refuses-connections)"),
    ]);
    expect(elsewhere.stdout).not.toContain("Not understood");

    const watching = new CommandProcess(["doctor", "--envoy", admin(), "--watch", "--interval=100ms"]);
    await watching.prints(/row 12[\s\S]*watching/);
    const port = picker.address.split(":")[1];
    picker = await startPicker(["--pods", pods.addresses.join(","), "--unknown-model=pass", `--grpc-port=${port}`]);
    while ((await rig.ask()).status !== 200);
    await rig.askTimes(3);
    await watching.prints(/CHANGED: was row 12[\s\S]*; now nothing is broken/);
    watching.interrupt();
    expect(await watching.exited).toBe(0);
  });
});

test("doctor lists every wrong argument at once and ends with 78", async () => {
  const { code, stdout, stderr } = await runCommand(
    "doctor",
    "/no/such/folder",
    "--envoy=::",
    "--picker=x",
    "--interval",
    "3",
  );
  expect([code, stdout]).toEqual([78, ""]);
  expect(stderr.trim().split("\n")).toHaveLength(5);
  expect(stderr).toContain("pointsman: 4 wrong settings");
});

/** Several faults at once, where those behind the pick are consequences, or are hidden by what comes before them. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places, podsAt } from "../../src/demo/envoy-config.ts";
import type { Source } from "../../src/doctor/diagnose.ts";
import { edits, requestBodies, routes } from "../support/doctor-faults.ts";
import { type DoctorRigOptions, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { startPicker } from "../support/picker-process.ts";
import { goOn, type Script, startScriptedPicker, withMetadata } from "../support/scripted-picker.ts";

const HEADER = "x-gateway-destination-endpoint";
const NOBODY = "127.0.0.1:1";
const { failsOpen, noHealthChecks, noTimeout, tls } = edits;

function fixture(name: string): Source {
  const text = readFileSync(new URL(`../fixtures/doctor/accepted/${name}`, import.meta.url), "utf8");
  return { name, text };
}

describe.skipIf(!(await hasEnvoy()))("several behind the pick", () => {
  let pods: EchoPods;

  beforeAll(async () => {
    pods = await startEchoPods(2);
  });

  afterAll(() => pods?.close());

  async function rowsOf(script: Script, options: DoctorRigOptions, more: readonly Source[] = []) {
    const picker = await startScriptedPicker(script);
    const at = [pickersAt([picker.address]), noHealthChecks];
    const rig = await startDoctorRig({ ...options, edits: [...at, ...(options.edits ?? [])] });
    try {
      await rig.askTimes(3);
      const seen = await rig.examine(more);
      return { rows: [seen.row, ...seen.also], report: seen.report, risks: seen.risks };
    } finally {
      await rig.stop();
      picker.close();
    }
  }

  const toNobody: Script = (message) => goOn(message, { [HEADER]: NOBODY });
  const fine: Script = (message) => goOn(message, { [HEADER]: pods.addresses[0]! });

  test("a picker without rights knows no pods, so that it names none: 40, then 5", async () => {
    const { rows, report } = await rowsOf((message) => goOn(message), {}, [fixture("go-picker.log")]);
    expect(rows, report).toEqual([40, 5]);
  });

  test("metadata that is not let in, and the pod that the turn comes to is gone: 24, then 7", async () => {
    const shut: Edit = { op: "remove", at: [...places.extProc, "metadata_options", "receiving_namespaces"] };
    const picks: Script = (message) => withMetadata(fine(message), pods.addresses[0]!);
    const options = { shipped: "override-host.yaml", edits: [podsAt([NOBODY]), shut] };
    const { rows, report } = await rowsOf(picks, options);
    expect(rows[0], report).toBe(24);
    expect(rows, report).toContain(7);
  });

  test("TLS to a plaintext picker, passed by into nowhere: 11, then 23 and 37, and never 5", async () => {
    const { rows, report } = await rowsOf(fine, { edits: [tls, failsOpen] });
    expect(rows, report).toEqual([11, 23, 37]);
  });

  test("a wait that is too short, and answers in one piece: 33 fails, 8 will", async () => {
    const at = [...places.extProc, "processing_mode"];
    const whole: Edit[] = [
      { op: "set", at: [...at, "response_header_mode"], to: "SEND" },
      { op: "set", at: [...at, "response_body_mode"], to: "BUFFERED" },
    ];
    const { rows, risks, report } = await rowsOf(fine, { edits: [noTimeout, ...whole] });
    expect([rows, risks], report).toEqual([[33], [8]]);
  });

  test("a gateway that does not run besides: nothing else is the verdict", async () => {
    const { rows, report } = await rowsOf(toNobody, {}, [fixture("gateway-down.yaml"), fixture("reverted.yaml")]);
    expect(rows, report).toEqual([48, 7]);
  });

  test("duplex bodies to a picker that does not speak duplex: 18, not 20", async () => {
    const { rows, report } = await rowsOf(fine, { edits: requestBodies("FULL_DUPLEX_STREAMED") });
    expect(rows, report).toEqual([18]);
  });

  test("pods that are gone are no fault of the metrics that cannot be read: 7, not 47", async () => {
    const picker = await startPicker(["--pods", NOBODY]);
    await picker.metricBecomesAtLeast("pointsman_scrapes_total", 2);
    const rig = await startDoctorRig({ edits: [pickersAt([picker.address]), noHealthChecks] });
    await rig.askTimes(3);
    const seen = await rig.examine([{ name: "picker-metrics.txt", text: await picker.page() }]);
    await Promise.all([rig.stop(), picker.kill()]);
    expect([seen.row, seen.also, seen.risks], seen.report).toEqual([7, [], [47]]);
  });

  test("a cut answer on the route of a dead pod's retry: 36, 7", async () => {
    const edits: Edit[] = [
      { op: "set", at: [...routes, 0, "route", "timeout"], to: "60s" },
      { op: "add", at: [...routes, 0, "route", "retry_policy"], to: { retry_on: "connect-failure" } },
    ];
    const { rows, risks, report } = await rowsOf(toNobody, { edits });
    expect([rows, risks], report).toEqual([[36, 7], [32]]);
  });
});

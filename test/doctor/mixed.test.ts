/** Several faults at once, or one with its consequences: the verdict is the one that comes first on the way of a request. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places, podsAt } from "../../src/demo/envoy-config.ts";
import { clusterOf, edits, filterFirst, requestBodies, routes } from "../support/doctor-faults.ts";
import { type DoctorRigOptions, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { startPicker } from "../support/picker-process.ts";
import { goOn, type ScriptedPicker, startScriptedPicker } from "../support/scripted-picker.ts";

const NOBODY = "127.0.0.1:1";
const { failsOpen, noHealthChecks, noHttp2, noTimeout, tls } = edits;
const EXT_PROC = [...places.hcm, "http_filters", "envoy.filters.http.ext_proc"];
const clusterName: Edit = {
  op: "set",
  at: [...places.extProc, "grpc_service", "envoy_grpc", "cluster_name"],
  to: "piker",
};

describe.skipIf(!(await hasEnvoy()))("several at once", () => {
  let pods: EchoPods;
  let picker: ScriptedPicker;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    const destination = { "x-gateway-destination-endpoint": pods.addresses[0]! };
    picker = await startScriptedPicker((message) => goOn(message, destination));
  });

  afterAll(async () => {
    picker?.close();
    await pods?.close();
  });

  /** Asks until the health check of the picker has failed too. */
  async function rowsOf(options: DoctorRigOptions, sick = false) {
    const rig = await startDoctorRig(options);
    try {
      await rig.askTimes(3);
      while (sick && !(await rig.envoy.admin("/clusters")).includes("/failed_active_hc")) await rig.ask();
      const seen = await rig.examine();
      return { rows: [seen.row, ...seen.also], report: seen.report };
    } finally {
      await rig.stop();
    }
  }

  test("a cluster without HTTP/2, a short wait and streamed bodies: 15, not 8 or 9", async () => {
    const link = [pickersAt([picker.address]), noHttp2, noHealthChecks];
    const { rows, report } = await rowsOf({ edits: [...link, noTimeout, ...requestBodies("STREAMED")] });
    expect(rows, report).toEqual([15]);
  });

  test("TLS to plaintext, so the health check fails: 11, not 12", async () => {
    const { rows, report } = await rowsOf({ edits: [pickersAt([picker.address]), tls] }, true);
    expect(rows, report).toEqual([11]);
  });

  test("a picker that is down, passed by, and a cluster that has no address without it: 12, then 23 and 37", async () => {
    const { rows, report } = await rowsOf({ edits: [pickersAt([NOBODY]), failsOpen, noHealthChecks] });
    expect(rows, report).toEqual([12, 23, 37]);
  });

  test("a filter that is gone, and a picker that is down besides: 1, for nobody asks the picker", async () => {
    const { rows, report } = await rowsOf({ edits: [pickersAt([NOBODY]), { op: "remove", at: EXT_PROC }] });
    expect(rows, report).toEqual([1]);
  });

  test("a key that is asked for, and a picker that is down: 50, then 12", async () => {
    const key = { credentials: [{ key: "k", client: "c" }], key_sources: [{ header: "x-api-key" }] };
    const asking = filterFirst("envoy.filters.http.api_key_auth", "api_key_auth.v3.ApiKeyAuth", key);
    const { rows, report } = await rowsOf({ edits: [pickersAt([NOBODY]), asking] }, true);
    expect(rows, report).toEqual([50, 12]);
  });

  test("a cluster of no such name, passed by: 44, then 23", async () => {
    const options = { shipped: "override-host.yaml", edits: [podsAt(pods.addresses), clusterName] };
    const { rows, report } = await rowsOf(options);
    expect(rows, report).toEqual([44, 23]);
  });

  test("a wait that is too short for a picker that is not there: 12, not 8", async () => {
    const { rows, report } = await rowsOf({ edits: [pickersAt([NOBODY]), noTimeout, noHealthChecks] });
    expect(rows, report).toEqual([12]);
  });

  test("streamed bodies that would lock, to a port of TLS: 11, not 9", async () => {
    const ours = await startPicker(["--pods", pods.addresses.join(","), "--tls-only"]);
    const options = { edits: [pickersAt([ours.address]), noHealthChecks, ...requestBodies("STREAMED")] };
    const { rows, report } = await rowsOf(options);
    await ours.kill();
    expect(rows, report).toEqual([11]);
  });

  test("two filters with a picker each, one of them down: its cluster is named", async () => {
    const second = {
      grpc_service: { envoy_grpc: { cluster_name: "guardrails" } },
      message_timeout: "10s",
      processing_mode: { request_header_mode: "SEND", response_header_mode: "SKIP" },
    };
    const rig = await startDoctorRig({
      edits: [
        pickersAt([picker.address]),
        noHealthChecks,
        clusterOf("guardrails", NOBODY),
        filterFirst("envoy.filters.http.ext_proc/guardrails", "ext_proc.v3.ExternalProcessor", second),
      ],
    });
    await rig.askTimes(3);
    const seen = await rig.examine();
    await rig.stop();
    expect([seen.row, seen.also, seen.verdict.first?.object], seen.report).toEqual([12, [], "cluster guardrails"]);
  });

  test("a route without a filter beside one whose picker is down: both are faults, the filter's comes first", async () => {
    const bare = { name: "bare", match: { prefix: "/bare" }, route: { cluster: "pods" } };
    const off = {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute",
      disabled: true,
    };
    const rig = await startDoctorRig({
      edits: [
        pickersAt([NOBODY]),
        noHealthChecks,
        {
          op: "add",
          at: [...routes, 0],
          to: { ...bare, typed_per_filter_config: { "envoy.filters.http.ext_proc": off } },
        },
      ],
    });
    await rig.askTimes(2);
    await rig.askTimes(2, { path: "/bare" });
    const seen = await rig.examine();
    await rig.stop();
    expect([seen.row, ...seen.also], seen.report).toEqual([1, 12]);
    expect(seen.verdict.first?.object).toBe("route bare (/bare*) of listener requests");
  });
});

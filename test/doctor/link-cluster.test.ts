/** Faults of the cluster that stands for the picker, each made for real: there is none of the name, or it has too many hosts. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pickersAt, places } from "../../src/demo/envoy-config.ts";
import { clusterOf, edits, produce } from "../support/doctor-faults.ts";
import { hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { goOn, type ScriptedPicker, startScriptedPicker } from "../support/scripted-picker.ts";

const { noHealthChecks, failsOpen } = edits;
const NOBODY = "127.0.0.1:1";

describe.skipIf(!(await hasEnvoy()))("the picker's cluster", () => {
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

  test("row 28: filters of Envoy AI Gateway at a cluster with two processes", async () => {
    const inCluster = [
      ...places.pods,
      "typed_extension_protocol_options",
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      "http_filters",
    ];
    const type = "type.googleapis.com/envoy.extensions.filters.http";
    const name = "envoy.filters.http.ext_proc/aigateway";
    const second = {
      "@type": `${type}.ext_proc.v3.ExternalProcessor`,
      grpc_service: { envoy_grpc: { cluster_name: "picker" } },
      message_timeout: "10s",
      processing_mode: { request_header_mode: "SEND", response_header_mode: "SKIP" },
    };
    const other = await startScriptedPicker((message) => goOn(message));
    const codec = { "@type": `${type}.upstream_codec.v3.UpstreamCodec` };
    const rig = await startDoctorRig({
      edits: [
        pickersAt([picker.address, other.address]),
        noHealthChecks,
        { op: "set", at: [...places.hcm, "http_filters", "envoy.filters.http.ext_proc", "name"], to: name },
        {
          op: "add",
          at: inCluster,
          to: [
            { name, typed_config: second },
            { name: "envoy.filters.http.upstream_codec", typed_config: codec },
          ],
        },
      ],
    });
    await rig.ask();
    const log = { name: "extproc.log", text: '2026-11-21 level=ERROR msg="no router processor found, request_id=1"' };
    const seen = await rig.examine([log]);
    const silent = await rig.examine();
    await rig.stop();
    other.close();
    expect([seen.row, seen.verdict.first?.object], seen.report).toEqual([28, "cluster picker"]);
    expect(silent.risks, silent.report).toContain(28);
  });

  describe("row 44: the filter names a cluster that there is none of", () => {
    const at = [...places.extProc, "grpc_service", "envoy_grpc", "cluster_name"];
    const unknown = { row: 44, byCounters: 44 };

    test("and fails closed", async () => {
      await produce({
        ...unknown,
        edits: [pickersAt([picker.address]), { op: "set", at, to: "piker" }],
        proof: /Cluster_not_available/,
        status: 503,
        byLines: 44,
      });
    });

    test("and fails open, into a cluster that needs the picker", async () => {
      await produce({
        ...unknown,
        edits: [pickersAt([picker.address]), { op: "set", at, to: "piker" }, failsOpen],
        also: [23, 37],
        proof: /cluster_name: "piker"/,
        status: 503,
        byLines: undefined,
      });
    });
  });

  test("a cluster that no filter asks is nobody's fault, however broken", async () => {
    const rig = await startDoctorRig({
      edits: [pickersAt([picker.address]), noHealthChecks, clusterOf("other", NOBODY)],
    });
    expect(await rig.askTimes(2)).toEqual([200, 200]);
    const seen = await rig.examine();
    await rig.stop();
    expect([seen.row, seen.also, seen.risks], seen.report).toEqual([undefined, [], []]);
  });
});

/** Faults between Envoy and a picker that is there, each made for real: the two do not speak the same. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pickersAt, podsAt } from "../../src/demo/envoy-config.ts";
import { edits, produce } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { istioGateway } from "../support/istio-gateway.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { goOn, type ScriptedPicker, startScriptedPicker } from "../support/scripted-picker.ts";

const { noHealthChecks, noHttp2, tls } = edits;

describe.skipIf(!(await hasEnvoy()))("what is spoken to the picker", () => {
  let pods: EchoPods;
  /** Speaks plaintext only. */
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

  describe("row 11: TLS against plaintext", () => {
    const talks = { row: 11, status: 503, byLines: 11, byCounters: 11 };

    test("Envoy speaks TLS, the picker does not", async () => {
      const how = { ...talks, edits: [pickersAt([picker.address]), noHealthChecks, tls] };
      const { verdict } = await produce({ ...how, proof: /WRONG_VERSION_NUMBER/ });
      expect(verdict.first?.says).toBe("cluster picker speaks TLS, and the picker answers in plaintext");
    });

    test("the picker speaks TLS only, Envoy plaintext; the picker's log is its cause, and Envoy's own log tells it too", async () => {
      const ours = await startPicker(["--pods", pods.addresses.join(","), "--tls-only"]);
      try {
        const rig = await startDoctorRig({ edits: [pickersAt([ours.address]), noHealthChecks] });
        await rig.askTimes(2);
        await ours.line(({ kind }) => kind === "plaintext_refused");
        const log = { name: "picker.log", text: ours.log.map((line) => JSON.stringify(line)).join("\n") };
        const seen = await rig.examine([log]);
        const envoysLog = { name: "envoy.log", text: rig.envoy.log.join("\n") };
        await rig.stop();
        expect([seen.row, seen.also, seen.risks], seen.report).toEqual([11, [], []]);
        expect(seen.verdict.first?.because?.[0]?.evidence.text).toContain("plaintext_refused");
        expect(examined([envoysLog]).row).toBe(11);
      } finally {
        await ours.kill();
      }
    });

    test("hidden by a filter that fails open: every answer 200, told by counters alone", async () => {
      const ours = await startPicker(["--pods", pods.addresses.join(","), "--tls-only"]);
      try {
        await produce({
          ...talks,
          shipped: "override-host.yaml",
          edits: [pickersAt([ours.address]), podsAt(pods.addresses), noHealthChecks],
          also: [23],
          proof: /upstream_cx_destroy_remote: \d/,
          status: 200,
          byLines: undefined,
        });
      } finally {
        await ours.kill();
      }
    });
  });

  describe("row 14: the port of something else", () => {
    test("of our own health service, which says in its log what it was asked", async () => {
      const ours: PickerProcess = await startPicker(["--pods", pods.addresses.join(",")]);
      try {
        const seen = await produce({
          edits: [pickersAt([ours.healthAddress]), noHealthChecks],
          row: 14,
          proof: /unknown_method/,
          status: 503,
          byLines: 14,
          // Trailers with an error have the same counters whatever the error.
          byCounters: 55,
          more: async () => [{ name: "picker-metrics.txt", text: await ours.page() }],
        });
        expect(seen.verdict.first?.says).toContain("answers gRPC, and has no ext_proc service");
      } finally {
        await ours.kill();
      }
    });

    test("of metrics, where HTTP/1.1 is spoken", async () => {
      const metrics = http.createServer((_request, response) => response.end("metrics"));
      await new Promise<void>((resolve) => metrics.listen(0, "127.0.0.1", resolve));
      const address = `127.0.0.1:${(metrics.address() as AddressInfo).port}`;
      await produce({
        edits: [pickersAt([address]), noHealthChecks],
        row: 14,
        proof: /protocol_error/,
        status: 503,
        // The same words as for a cluster without HTTP/2, which is the commoner of the two.
        byLines: 15,
        byCounters: 14,
      });
      metrics.close();
      metrics.closeAllConnections();
    });
  });

  test("row 15: the cluster is not told to speak HTTP/2", async () => {
    await produce({
      edits: [pickersAt([picker.address]), noHealthChecks, noHttp2],
      row: 15,
      proof: /typed_extension_protocol_options is not there/,
      status: 503,
      byLines: 15,
      byCounters: 15,
    });
  });

  test("row 15 comes before the bypass that it leads to, where the filter fails open", async () => {
    await produce({
      shipped: "override-host.yaml",
      edits: [pickersAt([picker.address]), podsAt(pods.addresses), noHealthChecks, noHttp2],
      row: 15,
      also: [23],
      proof: /typed_extension_protocol_options/,
      status: 200,
      byLines: undefined,
      byCounters: 15,
    });
  });

  describe("row 56: the name of an Istio cluster in place of an authority", () => {
    /** As istiod writes it for a pool: no authority is named. */
    const named = (picker: string) => istioGateway({ pods: pods.addresses, picker, pools: "1.28" });

    test("which a picker on an ordinary HTTP/2 server refuses before it has heard a word", async () => {
      const how = { log: "istio", row: 56, status: 500, proof: /"cluster_name":"outbound/ } as const;
      const heard = picker.streams;
      const seen = await produce({ ...how, config: named(picker.address), byLines: 15, byCounters: 56 });
      expect(picker.streams).toBe(heard);
      expect(seen.report).toContain(
        "grpc_service: { envoy_grpc: { authority: pointsman.default.svc.cluster.local:9002 } }",
      );
    });

    test("which pointsman puts up with: nothing is found", async () => {
      const ours = await startPicker(["--pods", pods.addresses.join(",")]);
      const rig = await startDoctorRig({ config: named(ours.address), log: "istio" });
      try {
        expect(await rig.askTimes(3)).toEqual([200, 200, 200]);
        const page = { name: "picker-metrics.txt", text: await ours.page() };
        const seen = await rig.examine([page]);
        expect([seen.row, seen.also, seen.risks], seen.report).toEqual([undefined, [], []]);
      } finally {
        await Promise.all([rig.stop(), ours.kill()]);
      }
    });
  });
});

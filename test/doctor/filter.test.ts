/** Faults of the filter chain, each made for real: the picker is never asked, or not where it matters. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, pickersAt, places } from "../../src/demo/envoy-config.ts";
import type { Source } from "../../src/doctor/diagnose.ts";
import { clusterOf, edits, produce, routes } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, only, startDoctorRig, without } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { goOn, type ScriptedPicker, startScriptedPicker } from "../support/scripted-picker.ts";

const EXT_PROC = [...places.hcm, "http_filters", "envoy.filters.http.ext_proc"];
const perRoute = (key: string, config: object): Edit => ({
  op: "add",
  at: [...routes, 0, "typed_per_filter_config"],
  to: {
    [key]: { "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute", ...config },
  },
});
const inClusterNamed = (name: string, cluster: string): Edit => {
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  const type = "type.googleapis.com/envoy.extensions.filters.http";
  const extProc = {
    "@type": `${type}.ext_proc.v3.ExternalProcessor`,
    grpc_service: { envoy_grpc: { cluster_name: cluster } },
    message_timeout: "10s",
    processing_mode: { request_header_mode: "SEND", response_header_mode: "SKIP" },
  };
  const codec = { "@type": `${type}.upstream_codec.v3.UpstreamCodec` };
  return {
    op: "add",
    at: [...places.pods, "typed_extension_protocol_options", options, "http_filters"],
    to: [
      { name, typed_config: extProc },
      { name: "envoy.filters.http.upstream_codec", typed_config: codec },
    ],
  };
};

describe.skipIf(!(await hasEnvoy()))("the filter chain", () => {
  let pods: EchoPods;
  let picker: ScriptedPicker;
  const destination = () => ({ "x-gateway-destination-endpoint": pods.addresses[0]! });

  beforeAll(async () => {
    pods = await startEchoPods(1);
    picker = await startScriptedPicker((message) => goOn(message, destination()));
  });

  afterAll(async () => {
    picker?.close();
    await pods?.close();
  });

  describe("row 1: no filter on the route of original destinations", () => {
    const bare = { row: 1, status: 503, byLines: undefined, byCounters: 1, proof: /"UH"/ };
    const at = () => [pickersAt([picker.address]), edits.noHealthChecks];

    test("it is gone from the listener", async () => {
      await produce({ ...bare, edits: [...at(), { op: "remove", at: EXT_PROC }], proof: /http_filters: [^\n]*router/ });
    });

    test("it is in the chain, off, and no route turns it on", async () => {
      const seen = await produce({ ...bare, edits: [...at(), { op: "add", at: [...EXT_PROC, "disabled"], to: true }] });
      expect(seen.verdict.first?.says).toContain("the ext_proc filter envoy.filters.http.ext_proc is off");
    });

    test("the route turns it off", async () => {
      await produce({ ...bare, edits: [...at(), perRoute("envoy.filters.http.ext_proc", { disabled: true })] });
    });

    test("it is told to send nothing, as by a policy without processingMode", async () => {
      const mode = { request_header_mode: "SKIP", response_header_mode: "SKIP" };
      const mute: Edit = { op: "set", at: [...places.extProc, "processing_mode"], to: mode };
      const seen = await produce({ ...bare, edits: [...at(), mute] });
      expect(seen.verdict.first?.says).toContain("is told to send nothing");
    });

    test("one line is enough where the names say what the cluster is, in any format", async () => {
      for (const log of ["envoy-gateway", "istio"] as const) {
        const rig = await startDoctorRig({
          log,
          edits: [
            { op: "remove", at: EXT_PROC },
            { op: "add", at: [...routes, 0, "name"], to: "original_route" },
            { op: "set", at: [...places.pods, "name"], to: "original_destination_cluster" },
            {
              op: "set",
              at: [...places.hcm, "route_config", "virtual_hosts", "all", "routes", 0, "route", "cluster"],
              to: "original_destination_cluster",
            },
          ].map((edit) => edit as Edit),
        });
        await rig.askTimes(1);
        const { sources } = await rig.examine();
        await rig.stop();
        const { verdict, report } = examined(only(sources, "access.log"));
        expect(verdict.first?.says, report).toBe(
          "ext_proc did not run on this route (original_route); the original-destination cluster original_destination_cluster got no address",
        );
      }
    });
  });

  test("row 3: the route turns on a filter of another name", async () => {
    const [ours, theirs] = ["a/extproc/0", "b/extproc/0"].map((end) => `envoy.filters.http.ext_proc/${end}`);
    const seen = await produce({
      edits: [
        pickersAt([picker.address]),
        edits.noHealthChecks,
        { op: "add", at: [...EXT_PROC, "disabled"], to: true },
        perRoute(theirs!, { overrides: {} }),
        { op: "set", at: [...EXT_PROC, "name"], to: ours },
      ],
      row: 3,
      proof: /typed_per_filter_config\["envoy\.filters\.http\.ext_proc\/b/,
      status: 503,
      byLines: undefined,
      byCounters: 3,
    });
    expect(seen.report).toContain(`Let the route say ${ours} instead of ${theirs}`);
  });

  test("row 26: the filter of the cluster runs without that of the listener", async () => {
    const sidecar = await startScriptedPicker(() => ({ end: 13, says: "no internal request id" }));
    const seen = await produce({
      edits: [
        pickersAt([picker.address]),
        edits.noHealthChecks,
        clusterOf("ai-gateway-extproc-uds", sidecar.address),
        inClusterNamed("envoy.filters.http.ext_proc/aigateway", "ai-gateway-extproc-uds"),
      ],
      row: 26,
      also: [25],
      proof: /streams_failed: 3/,
      status: 500,
      // A line says that the filter of the cluster failed, and no more.
      byLines: 25,
      byCounters: 26,
    });
    sidecar.close();
    expect(seen.report).toContain("config_dump has envoy.filters.http.ext_proc/aigateway on listener requests");
  });

  test("row 27: routes by model, and nobody who would read it", async () => {
    const byModel = { name: "x-ai-eg-model", string_match: { exact: "m" } };
    const seen = await produce({
      edits: [
        { op: "remove", at: EXT_PROC },
        { op: "set", at: [...routes, 0, "match"], to: { prefix: "/", headers: [byModel] } },
      ],
      row: 27,
      proof: /no cluster leads to run\.sock/,
      status: 404,
      byLines: undefined,
      byCounters: 27,
    });
    expect(seen.report).toContain("x-ai-eg-model");
  });

  describe("two gateways", () => {
    const fixture = (name: string): Source => ({
      name,
      text: readFileSync(new URL(`../fixtures/doctor/two-gateways/${name}`, import.meta.url), "utf8"),
    });

    test("row 42: an EnvoyFilter inserts the filter into one, and the other's listener lacks it", async () => {
      const rig = await startDoctorRig({ edits: [{ op: "remove", at: EXT_PROC }] });
      await rig.askTimes(2);
      const seen = await rig.examine([fixture("objects.yaml"), fixture("inserting.yaml")]);
      await rig.stop();
      expect([seen.row, seen.also, seen.risks], seen.report).toEqual([42, [1], []]);
      expect(seen.report).toContain("copy EnvoyFilter llm/picker-filter for gateway llm/internal, with its labels");
      const { sources } = seen;
      expect(examined(without(sources, "objects.yaml")).row).toBe(1);
    });

    test.each([
      { row: 42, of: "inserting.yaml", policy: "EnvoyFilter llm/picker-filter" },
      { row: 51, of: "replacing.yaml", policy: "EnvoyFilter llm/buffered-bodies" },
      { row: 51, of: "extension-policy.yaml", policy: "EnvoyExtensionPolicy llm/picker" },
    ])(
      "row $row: $of holds for one of those that lead to the pool, and the third needs none",
      ({ row, of, policy }) => {
        const seen = examined([fixture("objects.yaml"), fixture(of)]);
        expect([seen.row, seen.also], seen.report).toEqual([row, []]);
        expect(seen.verdict.first?.says).toBe(
          `${policy} holds for Gateway llm/public and not for Gateway llm/internal, which leads to InferencePool llm/vllm too`,
        );
      },
    );

    test.each(["inserting.yaml", "replacing.yaml"])("%s without a selector holds for all", (of) => {
      const { name, text } = fixture(of);
      const everywhere = text.replace(/^ {2}(workloadSelector|targetRefs): .*\n/m, "");
      expect(everywhere).not.toBe(text);
      const seen = examined([fixture("objects.yaml"), { name, text: everywhere }]);
      expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
    });
  });
});

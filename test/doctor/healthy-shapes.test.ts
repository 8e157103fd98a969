/** Set-ups as gateways generate them, in good health: nothing is found in them, whatever they have that looks odd. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Edit, type EnvoyConfig, pickersAt, places, podsAt } from "../../src/demo/envoy-config.ts";
import { clusterOf, routes } from "../support/doctor-faults.ts";
import { type DoctorRig, hasEnvoy, startDoctorRig } from "../support/doctor-rig.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { istioGateway, type PickerLink } from "../support/istio-gateway.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { goOn, startScriptedPicker } from "../support/scripted-picker.ts";

/** As istiod writes it: without it Envoy uses the cluster's name, whose bars no server of HTTP/2 takes. */
const authority = "pointsman.default.svc.cluster.local:9002";

describe.skipIf(!(await hasEnvoy()))("a healthy set-up of another shape", () => {
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(2);
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
  });

  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
  });

  async function isWell(rig: DoctorRig, paths: readonly string[] = ["/v1/chat/completions"]): Promise<void> {
    try {
      for (const path of paths) expect(new Set(await rig.askTimes(3, { path }))).toEqual(new Set([200]));
      const { verdict, report } = await rig.examine([{ name: "metrics.txt", text: await picker.page() }]);
      expect([verdict.first, ...verdict.also, ...verdict.risks].filter(Boolean), report).toEqual([]);
    } finally {
      await rig.stop();
    }
  }

  /** A filter that fails open to a cluster without hosts, SKIP in the chain, and another cluster by the route. */
  test.each<{ pools: "1.27" | "1.28"; link: PickerLink }>([
    { pools: "1.28", link: "h2c" },
    { pools: "1.28", link: "tls" },
  ])("Istio $pools, $link to the picker, and a route that asks nobody", async ({ pools, link }) => {
    const config: EnvoyConfig = istioGateway({ pods: pods.addresses, picker: picker.address, pools, link, authority });
    await isWell(await startDoctorRig({ config, log: "istio" }), ["/v1/chat/completions", "/direct"]);
  });

  test("Envoy Gateway: the filter is off in the chain under a long name, and a route turns it on", async () => {
    const name = "envoy.filters.http.ext_proc/envoyextensionpolicy/default/pointsman/extproc/0";
    const extProc = [...places.hcm, "http_filters", "envoy.filters.http.ext_proc"];
    const on = { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", config: {} };
    const edits: Edit[] = [
      pickersAt([picker.address]),
      { op: "add", at: [...extProc, "disabled"], to: true },
      { op: "set", at: [...extProc, "name"], to: name },
      { op: "add", at: [...routes, 0, "typed_per_filter_config"], to: { [name]: on } },
    ];
    await isWell(await startDoctorRig({ edits }));
  });

  test("Envoy AI Gateway: two phases over one link, the second behind the choice of the host", async () => {
    const name = "envoy.filters.http.ext_proc/aigateway";
    const sidecar = await startScriptedPicker((message) => goOn(message));
    const type = "type.googleapis.com/envoy.extensions.filters.http";
    const phase = (modes: object, more: object = {}) => ({
      "@type": `${type}.ext_proc.v3.ExternalProcessor`,
      grpc_service: { envoy_grpc: { cluster_name: "ai-gateway-extproc-uds" } },
      message_timeout: "10s",
      processing_mode: modes,
      ...more,
    });
    const body = { request_body_mode: "BUFFERED", response_header_mode: "SKIP" };
    const edits: Edit[] = [
      pickersAt([picker.address]),
      clusterOf("ai-gateway-extproc-uds", sidecar.address),
      { op: "add", at: [...places.hcm, "http_filters", 1], to: { name, typed_config: phase(body) } },
      {
        op: "add",
        at: [
          ...places.pods,
          "typed_extension_protocol_options",
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
          "http_filters",
        ],
        to: [
          { name, typed_config: phase({ request_header_mode: "SEND", response_header_mode: "SKIP" }) },
          {
            name: "envoy.filters.http.upstream_codec",
            typed_config: { "@type": `${type}.upstream_codec.v3.UpstreamCodec` },
          },
        ],
      },
    ];
    await isWell(await startDoctorRig({ edits }));
    sidecar.close();
  });

  test("a picker that was restarted a while ago: what failed then is no verdict of now", async () => {
    const own = await startPicker(["--pods", pods.addresses.join(",")]);
    const at = own.address;
    const rig = await startDoctorRig({
      shipped: "override-host.yaml",
      edits: [
        pickersAt([at]),
        podsAt(pods.addresses),
        { op: "set", at: [...places.extProc, "failure_mode_allow"], to: false },
      ],
    });
    await rig.askTimes(2);
    await own.kill();
    expect(await rig.askTimes(1)).toEqual([503]);
    const next = await startPicker(["--pods", pods.addresses.join(","), `--grpc-port=${at.split(":")[1]}`]);
    while ((await rig.ask()).status !== 200);
    await rig.askTimes(25);
    const { verdict, report } = await rig.examine();
    await rig.stop();
    await next.kill();
    expect([verdict.first?.row.row, ...verdict.also.map(({ row }) => row.row)], report).toEqual([undefined]);
  });
});

/** Row 25: the ext_proc filter of a cluster, behind the choice of the pod, whose failures nobody hears of; made for real. */
import { describe, expect, test } from "vitest";
import { type Edit, pickersAt, places } from "../../src/demo/envoy-config.ts";
import { clusterOf, edits } from "../support/doctor-faults.ts";
import { examined, hasEnvoy, only, startDoctorRig, without } from "../support/doctor-rig.ts";
import { startEchoPods } from "../support/echo-backend.ts";
import { goOn, startScriptedPicker } from "../support/scripted-picker.ts";

const OLD = "1.36.4";

const versions: readonly { version?: string; isThere: boolean }[] = [
  { isThere: await hasEnvoy() },
  { version: OLD, isThere: await hasEnvoy(OLD) },
];

describe.each(versions)("row 25: the filter of a cluster, with Envoy $version", ({ version, isThere }) => {
  test.skipIf(!isThere)("fails every stream: told by counters, as its server logs nothing", async () => {
    const own = await startEchoPods(1);
    const picker = await startScriptedPicker((message) =>
      goOn(message, { "x-gateway-destination-endpoint": own.addresses[0]! }),
    );
    const second = await startScriptedPicker(() => ({ end: 13, says: "no internal request id" }));
    const rig = await startDoctorRig({
      edits: [
        pickersAt([picker.address]),
        edits.noHealthChecks,
        clusterOf("sidecar", second.address),
        inCluster("sidecar"),
      ],
      ...(version !== undefined && { version }),
    });
    expect(await rig.askTimes(3)).toEqual([500, 500, 500]);
    const seen = await rig.examine();
    await Promise.all([rig.stop(), own.close()]);
    picker.close();
    second.close();
    expect([seen.row, seen.also, seen.risks], seen.report).toEqual([25, [], []]);
    const { sources } = seen;
    const proof = examined(only(sources, "config_dump.json", "stats.txt", "server_info.json")).verdict.first;
    expect(proof?.row.row).toBe(25);
    const texts = proof?.evidence.map(({ text }) => text).join("\n");
    expect(texts).toMatch(/ext_proc\.streams_failed: 3\n.*ext_proc\.streams_started: 3\n.*stream_msgs_received: 0/);
    expect(texts).toMatch(/cluster\.sidecar\.upstream_rq_200: 3\ncluster\.sidecar\.upstream_rq_tx_reset: 3/);
    expect(examined(without(sources, "stats.txt")).row).toBe(25);
    expect(examined(only(sources, "stats.txt")).row).toBe(25);
  });
});

/** Headers only, as Envoy AI Gateway has it. */
function inCluster(cluster: string): Edit {
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  const type = "type.googleapis.com/envoy.extensions.filters.http";
  const extProc = {
    "@type": `${type}.ext_proc.v3.ExternalProcessor`,
    grpc_service: { envoy_grpc: { cluster_name: cluster } },
    message_timeout: "10s",
    processing_mode: { request_header_mode: "SEND", response_header_mode: "SKIP" },
  };
  return {
    op: "add",
    at: [...places.pods, "typed_extension_protocol_options", options, "http_filters"],
    to: [
      { name: "envoy.filters.http.ext_proc", typed_config: extProc },
      {
        name: "envoy.filters.http.upstream_codec",
        typed_config: { "@type": `${type}.upstream_codec.v3.UpstreamCodec` },
      },
    ],
  };
}

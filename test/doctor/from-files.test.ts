/** Outages that people reported, as the files that they would have had at hand. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { diagnose, evidenceOf, type Source } from "../../src/doctor/diagnose.ts";
import type { Evidence } from "../../src/doctor/evidence.ts";
import { examined, only, without } from "../support/doctor-rig.ts";

function filesOf(name: string): Source[] {
  const folder = new URL(`../fixtures/doctor/${name}/`, import.meta.url);
  return readdirSync(folder).map((file) => ({ name: file, text: readFileSync(new URL(file, folder), "utf8") }));
}

describe("the filter of the cluster fails every stream, and the client waits for a minute", () => {
  const files = filesOf("silent-upstream-phase");

  test("the listener's filter of Envoy AI Gateway is what is missing", () => {
    const seen = examined(files);
    expect([seen.row, ...seen.also.slice(0, 1)], seen.report).toEqual([26, 25]);
    expect(seen.verdict.first?.says).toContain(
      "the listener's own envoy.filters.http.ext_proc/aigateway is missing or off",
    );
  });

  test("counters and version alone say that streams fail behind the choice of the pod, and why nobody hears of it", () => {
    const { row, verdict, report } = examined(only(files, "stats.txt", "server_info.json"));
    expect(row, report).toBe(25);
    expect(verdict.first?.says).toMatch(
      /failed 7 of 7 streams: 7 messages sent, none received.*Envoy 1\.35\.6 drops the answer/,
    );
  });

  test("nothing is wrong in the same files without the filter of the cluster", () => {
    const [dump] = only(files, "config_dump.json");
    const text = dump!.text.replace(
      /"http_filters": \[\s*\{\s*"name": "envoy\.filters\.http\.ext_proc\/aigateway"/,
      '"other": [{"name": ""',
    );
    expect(text).not.toBe(dump!.text);
    expect(examined([{ name: dump!.name, text }]).row).toBeUndefined();
  });
});

describe("the picker counts requests and logs none: TLS against plaintext, hidden by failing open", () => {
  const files = filesOf("istio-silent-bypass");

  test("the link is named before the bypass", () => {
    const seen = examined(files);
    expect([seen.row, seen.also], seen.report).toEqual([11, [23]]);
    expect(seen.verdict.first?.says).toContain("cluster epp-cluster speaks plaintext, and the picker hangs up");
    expect(seen.report).toContain("41 of 41 requests went past the picker");
  });

  const heard = (evidence: Evidence) => diagnose(evidence).first?.because?.map(({ says }) => says);

  test("the picker's log confirms it where it says anything", () => {
    const text = "2026-10-11T14:05:00Z ERROR tls: first record does not look like a TLS handshake";
    const log = { name: "picker.log", text };
    expect(heard(evidenceOf([...without(files, "picker.log"), log]))).toEqual([
      "A TLS handshake with the picker failed.",
    ]);
  });

  test("trying its port confirms it", () => {
    const answer = (question: string, isWell: boolean) => {
      const quote = { source: "10.43.7.12:9002", text: `${question}: ${isWell}` };
      return { question, isWell, status: isWell ? "OK" : "ECONNRESET", quote };
    };
    const live = { asked: [answer("picker-plaintext", false), answer("picker-tls", true)] };
    expect(heard({ ...evidenceOf(files), live })).toEqual(["The picker's port takes TLS only."]);
  });

  test("counters alone tell of the bypass", () => {
    expect(examined(only(files, "stats.txt")).row).toBe(23);
  });
});

/** Envoys before 1.34 say the number and no more: the counters say which of the errors it is. */
describe("gRPC error 14 without words", () => {
  const line = {
    method: "POST",
    response_code: 500,
    response_flags: "-",
    bytes_received: 89,
    upstream_cluster: "pool",
  };
  const access = (details: string): Source => ({
    name: "access.log",
    text: JSON.stringify({ ...line, response_code_details: details }),
  });
  const config = (cluster: object): Source => {
    const type = "type.googleapis.com/envoy.extensions.filters";
    const manager = {
      "@type": `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: "in",
      route_config: {
        virtual_hosts: [
          { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "pool" } }] },
        ],
      },
      http_filters: [
        {
          name: "picker",
          typed_config: {
            "@type": `${type}.http.ext_proc.v3.ExternalProcessor`,
            grpc_service: { envoy_grpc: { cluster_name: "epp" } },
            message_timeout: "10s",
          },
        },
        { name: "router", typed_config: { "@type": `${type}.http.router.v3.Router` } },
      ],
    };
    const epp = { name: "epp", type: "STRICT_DNS", http2_protocol_options: {}, ...cluster };
    const listeners = [{ name: "in", filter_chains: [{ filters: [{ typed_config: manager }] }] }];
    const text = JSON.stringify({ static_resources: { listeners, clusters: [epp, { name: "pool" }] } });
    return { name: "config_dump.json", text };
  };
  const stats = (counters: Readonly<Record<string, number>>): Source => {
    const filter = { streams_started: 3, streams_failed: 3, stream_msgs_sent: 3, stream_msgs_received: 0 };
    const lines = [
      ...Object.entries(filter).map(([name, value]) => `http.in.ext_proc.${name}: ${value}`),
      ...Object.entries(counters).map(([name, value]) => `cluster.epp.${name}: ${value}`),
    ];
    return { name: "stats.txt", text: lines.join("\n") };
  };

  test.each([
    { row: 10, counters: { upstream_cx_connect_fail: 3, upstream_cx_connect_timeout: 3 } },
    {
      row: 11,
      counters: { upstream_cx_connect_fail: 3, "ssl.connection_error": 3 },
      cluster: { transport_socket: { name: "tls" } },
    },
    { row: 12, counters: { upstream_cx_connect_fail: 3 } },
    { row: 14, counters: { upstream_cx_protocol_error: 3 } },
    { row: 54, counters: { upstream_rq_pending_overflow: 3 } },
  ])("row $row by its counters", ({ row, counters, cluster = {} }) => {
    const seen = examined([access("ext_proc_error_gRPC_error_14"), config(cluster), stats(counters)]);
    expect([seen.row, seen.also], seen.report).toEqual([row, []]);
    expect(seen.verdict.first?.evidence[0].text).toContain("ext_proc_error_gRPC_error_14");
  });

  test("by itself it names no row: any of them may be it", () => {
    expect(examined([access("ext_proc_error_gRPC_error_14")]).row).toBeUndefined();
  });
});

describe("no route for the model, by one line of a format that has the header", () => {
  const line = { method: "POST", path: "/v1/chat/completions", response_code: 404, response_flags: "NR" };
  const lines = (more: object) =>
    examined([
      { name: "--line", text: JSON.stringify({ ...line, response_code_details: "route_not_found", ...more }) },
    ]);

  test.each([
    { of: "is empty", header: null, says: "and x-ai-eg-model was not set" },
    { of: "has a model", header: "llama", says: "with x-ai-eg-model: llama; the model has no route" },
  ])("the header $of", ({ header, says }) => {
    const { row, verdict } = lines({ "x-ai-eg-model": header });
    expect(row).toBe(29);
    expect(verdict.first?.says).toContain(says);
  });

  test("of a format without it nothing is known but that there was no route", () => {
    expect(lines({}).row).toBeUndefined();
  });
});

test("row 13: a pod of the gateway that the webhook of the sidecar passed over", () => {
  const details =
    "ext_proc_error_gRPC_error_14{upstream_connect_error_or_disconnect/reset_before_headers._reset_reason:_remote_connection_failure{upstream_reset_before_response_started{remote_connection_failure|immediate_connect_error:_No_such_file_or_directory|remote_address:/etc/ai-gateway-extproc-uds/run.sock}}}";
  const line = { method: "POST", response_code: 500, response_flags: "-", response_code_details: details };
  const pod = (containers: string) => `
apiVersion: v1
kind: Pod
metadata: { name: envoy-llm-1, namespace: egs, labels: { app.kubernetes.io/managed-by: envoy-gateway } }
spec: { containers: [{ name: envoy }${containers}] }`;
  const seen = (containers: string) =>
    examined([
      { name: "access.log", text: JSON.stringify(line) },
      { name: "pods.yaml", text: pod(containers) },
    ]);
  const bare = seen("");
  expect([bare.row, bare.verdict.first?.because?.[0]?.says], bare.report).toEqual([
    13,
    "Pod egs/envoy-llm-1 has no container of the sidecar.",
  ]);
  expect(bare.report).toContain("/etc/ai-gateway-extproc-uds/run.sock exists");
  expect(seen(", { name: ai-gateway-extproc }").verdict.first?.because).toEqual([]);
});

describe("the objects that we ship", () => {
  const root = new URL("../../deploy/", import.meta.url);
  const files = ["gateways", "kubernetes"].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true })
      .map((path) => `${folder}/${String(path)}`)
      .filter((path) => path.endsWith(".yaml")),
  );
  const text = (name: string) => readFileSync(new URL(name, root), "utf8");
  // Values of a chart and patches of a Deployment are no objects.
  const objects = files.filter((name) => /^kind:/m.test(text(name)));

  test.each(objects)("%s has neither fault nor risk", (name) => {
    const { verdict, report } = examined([{ name, text: text(name) }]);
    expect([verdict.first, ...verdict.also, ...verdict.risks].filter(Boolean), report).toEqual([]);
  });
});

/** What is no verdict though it is there: strays, counts of long ago, other people's objects; and what is one though it looks small. */
import { describe, expect, test } from "vitest";
import { renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import { evidenceOf, type Source } from "../../src/doctor/diagnose.ts";
import { outcomeOf } from "../../src/doctor/outcome.ts";
import { examined } from "../support/doctor-rig.ts";

const route = { route_name: "llm", upstream_cluster: "pods" };
const well = { response_code: 200, response_code_details: "via_upstream", upstream_host: "10.0.0.5:8000" };
const lineOf = (more: object) =>
  JSON.stringify({
    ...{ method: "POST", path: "/v1/chat/completions", response_flags: "-", bytes_received: 300, duration: 800 },
    ...{ ...route, ...well, ...more },
  });
const logOf = (...parts: readonly [count: number, more: object][]): Source => ({
  name: "access.log",
  text: parts.flatMap(([count, more]) => Array.from({ length: count }, () => lineOf(more))).join("\n"),
});
const refused = {
  response_code: 500,
  response_code_details:
    "ext_proc_error_gRPC_error_14{upstream_connect_error_or_disconnect/reset_before_headers._reset_reason:_connection_failure,_transport_failure_reason:_delayed_connect_error:_111}",
  upstream_host: "-",
};
const config: Source = { name: "envoy.json", text: JSON.stringify(renderEnvoyConfig("buffered.yaml", [])) };
const log = (text: string): Source => ({ name: "program.log", text: `2026-11-21T09:00:00Z info start\n${text}\n` });
const list = (...items: readonly object[]): Source => ({
  name: "objects.json",
  text: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
});
const outcome = (...sources: readonly Source[]) => outcomeOf(examined(sources).verdict, evidenceOf(sources));

describe("one of five thousand requests", () => {
  test.each([
    { row: 7, more: { response_code: 503, response_flags: "UF", response_code_details: "x{connection_timeout}" } },
    { row: 17, more: { response_code: 413, response_code_details: "request_payload_too_large", upstream_host: "-" } },
    { row: 32, more: { response_code: 504, response_flags: "UT", response_code_details: "response_timeout" } },
    { row: 32, more: { response_flags: "SI", response_code_details: "stream_idle_timeout" } },
    { row: 4, more: { response_code: 500, response_code_details: "direct_response", route_name: "maintenance" } },
    { row: 12, more: refused },
  ])("is a risk, of row $row: $more.response_code $more.response_code_details", ({ row, more }) => {
    const seen = examined([logOf([5000, {}], [1, more], [5, {}])]);
    expect([seen.row, seen.risks], seen.report).toEqual([undefined, [row]]);
  });

  test("is nothing once others went well, and a fault where they go on to fail", () => {
    expect(outcome(logOf([5000, {}], [1, refused], [25, {}]))).toBe("well");
    expect(examined([logOf([5000, {}], [3, refused])]).row).toBe(12);
  });

  test("needs no cause that is known either, and neither does a client that left", () => {
    const cut = { response_code: 503, response_flags: "UC", response_code_details: "connection_termination" };
    expect(outcome(logOf([5000, {}], [1, cut], [5, {}]))).toBe("well");
    const left = { response_code: 0, response_flags: "DC", response_code_details: "downstream_remote_disconnect" };
    expect(outcome(logOf([300, {}], [2, left], [5, {}]))).toBe("well");
    expect(outcome(logOf([9, {}], [1, cut]))).toBe("unknown");
  });
});

test("requests that are all refused below 500 are not well, and no route is row 29 at most", () => {
  const lost = {
    response_code: 404,
    response_flags: "NR",
    response_code_details: "route_not_found",
    upstream_host: "-",
  };
  const seen = examined([logOf([5, { ...lost, route_name: "-", upstream_cluster: "-" }])]);
  expect(seen.report).toMatch(/NO VERDICT[\s\S]*5 of the last 5 requests failed.*row 29/);
  expect(outcome(logOf([5, { ...lost, route_name: "-", upstream_cluster: "-" }]))).toBe("unknown");
});

test("counters of a picker that answered a hundred thousand times tell of nothing that is so now", () => {
  const counted = {
    "http.requests.downstream_rq_total": 100_000,
    "http.requests.ext_proc.pointsman.streams_started": 100_000,
    "http.requests.ext_proc.pointsman.stream_msgs_received": 100_000,
    "http.requests.ext_proc.pointsman.streams_failed": 40,
    "http.requests.ext_proc.pointsman.message_timeouts": 7,
    "cluster.picker.upstream_cx_connect_timeout": 2,
    "cluster.picker.upstream_rq_2xx": 1000,
    "cluster.picker.upstream_rq_pending_overflow": 1,
  };
  const page = (more: object) => ({
    name: "stats.txt",
    text: Object.entries({ ...counted, ...more })
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  });
  const picker = {
    name: "metrics.txt",
    text: '# TYPE pointsman_refusals_total counter\npointsman_refusals_total{code="no_pods"} 3\npointsman_picks_total 1000000\n',
  };
  const seen = examined([config, page({}), picker]);
  expect([seen.row, seen.risks], seen.report).toEqual([undefined, []]);
  const many = {
    "http.requests.ext_proc.pointsman.streams_failed": 9000,
    "cluster.picker.upstream_rq_pending_overflow": 8000,
  };
  const open = examined([config, page(many), picker]);
  expect(open.row, open.report).toBe(54);
});

describe("what no request shows", () => {
  const oldUpdate =
    "[2026-10-01 10:00:00.000][1][warning][config] gRPC config for type.googleapis.com/envoy.config.listener.v3.Listener rejected: Error adding/updating listener(s) other: boom";
  const leases =
    '2026-11-21T10:00:00Z error leases.coordination.k8s.io is forbidden: User "system:serviceaccount:kube-system:x" cannot update resource "leases" in API group "coordination.k8s.io" in the namespace "kube-system"';

  test.each([
    { row: 22, name: "an update that was refused weeks ago", text: oldUpdate },
    { row: 40, name: "a right that no picker needs", text: leases },
  ])("is a risk beside a picker that refuses: $name", ({ row, text }) => {
    const seen = examined([logOf([20, refused]), log(text)]);
    expect([seen.row, seen.also, seen.risks], seen.report).toEqual([12, [], [row]]);
    const fine = examined([logOf([20, {}]), log(text)]);
    expect([fine.row, fine.risks], fine.report).toEqual([undefined, [row]]);
  });

  test.each([
    { row: 11, text: 'connection error: desc = "received bogus greeting from client: \\"\\\\x16\\\\x03\\\\x01\\""' },
    {
      row: 11,
      text: 'desc = "ServerHandshake(\\"10.0.0.7:1\\") failed: tls: first record does not look like a TLS handshake"',
    },
    { row: 12, text: "exec /epp: exec format error" },
    { row: 22, text: "delta config for type.googleapis.com/envoy.config.listener.v3.Listener rejected: bad" },
    {
      row: 46,
      text: '"error":"no matches for kind \\"InferencePool\\" in version \\"inference.networking.k8s.io/v1\\""',
    },
    { row: 57, text: "inference error: ServiceUnavailable - failed to find candidate pods for serving the request" },
    { row: 30, text: '{"object":"error","message":"Model \'foo\' not found","code":404}' },
  ])("is row $row where nothing else was given, and none where requests go well: $text", ({ row, text }) => {
    expect(examined([log(text)]).row).toBe(row);
    expect(examined([log(text), logOf([30, {}])]).row).toBeUndefined();
  });

  test("names the resource, and not the one object that was asked for", () => {
    const text = String.raw`{"error":"inferencepools.inference.networking.k8s.io \"vllm\" is forbidden: User \"system:serviceaccount:a:epp\" cannot list resource \"inferencepools\" in API group \"inference.networking.k8s.io\" in the namespace \"a\""}`;
    const says = "system:serviceaccount:a:epp may not list inferencepools.inference.networking.k8s.io in namespace a";
    expect(examined([log(text)]).verdict.first?.says).toBe(says);
  });
});

describe("other people's objects", () => {
  const api = "gateway.networking.k8s.io/v1";
  const gateway = (name: string, addresses: readonly object[]) => ({
    ...{ apiVersion: api, kind: "Gateway", metadata: { name, namespace: "a" }, spec: { gatewayClassName: "eg" } },
    status: { addresses, conditions: [{ type: "Accepted", status: "True" }] },
  });
  const to = (name: string, gateways: readonly string[], backend: object) => ({
    ...{ apiVersion: api, kind: "HTTPRoute", metadata: { name, namespace: "a" } },
    spec: { parentRefs: gateways.map((each) => ({ name: each })), rules: [{ backendRefs: [backend] }] },
  });
  const pool = { group: "inference.networking.k8s.io", kind: "InferencePool", name: "vllm" };
  const at = [{ type: "IPAddress", value: "10.0.0.1" }];

  test("row 49: a gateway without an address is a fault where it leads to the pods, and a risk where another does", () => {
    const mine = [gateway("mine", []), gateway("theirs", at), to("llm", ["mine"], pool)];
    expect(examined([list(...mine)]).row).toBe(49);
    const seen = examined([list(gateway("mine", at), gateway("theirs", []), to("llm", ["mine"], pool))]);
    expect([seen.row, seen.risks], seen.report).toEqual([undefined, [49]]);
  });

  test("row 48: another team's gateway that does not run is a risk, and one that leads to the pods a fault", () => {
    const pod = (of: string) => ({
      ...{ apiVersion: "v1", kind: "Pod" },
      metadata: { name: `${of}-1`, namespace: "a", labels: { "gateway.networking.k8s.io/gateway-name": of } },
      status: { phase: "Failed", reason: "Evicted" },
    });
    const both = [
      gateway("mine", at),
      gateway("theirs", at),
      to("llm", ["mine"], pool),
      to("web", ["theirs"], { name: "web", port: 80 }),
    ];
    expect(examined([list(...both, pod("mine"))]).row).toBe(48);
    const seen = examined([list(...both, pod("theirs"))]);
    expect([seen.row, seen.risks], seen.report).toEqual([undefined, [48]]);
  });

  test("row 51: a policy for one gateway is a fault where both lead to the pool, and a risk where they share a Service", () => {
    const policy = {
      ...{ apiVersion: "gateway.envoyproxy.io/v1alpha1", kind: "EnvoyExtensionPolicy" },
      metadata: { name: "p", namespace: "a" },
      spec: { targetRefs: [{ kind: "Gateway", name: "eg" }], extProc: [{ backendRefs: [{ name: "picker" }] }] },
    };
    const both = [gateway("eg", at), gateway("inner", at), policy];
    expect(examined([list(...both, to("llm", ["eg", "inner"], pool))]).row).toBe(51);
    const web = [to("llm", ["eg"], { name: "llm", port: 80 }), to("web", ["eg", "inner"], { name: "web", port: 80 })];
    const seen = examined([list(...both, ...web)]);
    expect([seen.row, seen.risks], seen.report).toEqual([undefined, [51]]);
  });

  test("row 41: a restart by hand is no change that its owner could undo", () => {
    const write = (manager: string, time: string, fields: object) => ({
      manager,
      time,
      fieldsV1: { "f:spec": fields },
    });
    const deployment = (by: string) => ({
      ...{ apiVersion: "apps/v1", kind: "Deployment" },
      metadata: {
        ...{ name: "epp", namespace: "a", ownerReferences: [{ kind: "LLMInferenceService", name: "llm" }] },
        managedFields: [
          write(by, "2026-11-01T00:00:00Z", { "f:template": {} }),
          write("manager", "2026-11-20T00:00:00Z", { "f:replicas": {} }),
        ],
      },
    });
    expect(examined([list(deployment("kubectl-rollout")), logOf([20, refused])]).verdict.risks).toEqual([]);
    const edited = examined([list(deployment("kubectl-edit")), logOf([20, refused])]);
    expect([edited.row, edited.also, edited.risks], edited.report).toEqual([12, [], [41]]);
  });
});

test("a filter that comes by a subscription of its own is there", () => {
  const type = "type.googleapis.com/envoy";
  const manager = {
    "@type": `${type}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    http_filters: [{ name: "epp", config_discovery: { config_source: { ads: {} } } }],
    route_config: {
      virtual_hosts: [{ domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "pods" } }] }],
    },
  };
  const cluster = { name: "pods", type: "ORIGINAL_DST", original_dst_lb_config: { use_http_header: true } };
  const extProc = {
    "@type": `${type}.extensions.filters.http.ext_proc.v3.ExternalProcessor`,
    grpc_service: { envoy_grpc: { cluster_name: "picker" } },
    message_timeout: "10s",
  };
  const dump = (filters: readonly object[]): Source => ({
    name: "config_dump.json",
    text: JSON.stringify({
      configs: [
        { "@type": `${type}.admin.v3.ClustersConfigDump`, static_clusters: [{ cluster }] },
        {
          "@type": `${type}.admin.v3.ListenersConfigDump`,
          static_listeners: [{ listener: { name: "in", filter_chains: [{ filters: [{ typed_config: manager }] }] } }],
        },
        { "@type": `${type}.admin.v3.EcdsConfigDump`, ecds_filters: filters },
      ],
    }),
  });
  const epp = { ecds_filter: { name: "epp", typed_config: extProc } };
  expect(examined([dump([])]).row).toBe(1);
  expect(examined([dump([epp])]).row).toBe(44);
});

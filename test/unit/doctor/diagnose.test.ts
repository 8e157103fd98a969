/** A picker that was asked and answers nobody: by itself, and beside an Envoy that may or may not reach it. */
import { expect, test } from "vitest";
import { diagnose, evidenceOf, type Source } from "../../../src/doctor/diagnose.ts";

const address = "10.0.0.5:9002";
const dead = (status: string) => ({
  asked: ["picker-plaintext", "picker-tls"].map((question) => {
    return { question, isWell: false, status, quote: { source: address, text: `takes none: ${status}` } };
  }),
});

const type = "type.googleapis.com/envoy.extensions.filters";
const extProc = { grpc_service: { envoy_grpc: { cluster_name: "epp" } }, message_timeout: "10s" };
const manager = {
  "@type": `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
  stat_prefix: "in",
  route_config: {
    virtual_hosts: [{ domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "pods" } }] }],
  },
  http_filters: [
    { name: "picker", typed_config: { "@type": `${type}.http.ext_proc.v3.ExternalProcessor`, ...extProc } },
    { name: "router", typed_config: { "@type": `${type}.http.router.v3.Router` } },
  ],
};

/** An Envoy that the picker at some address has answered all along. */
function envoyAt(host: string): Source[] {
  const [name = "", port] = host.split(":");
  const endpoint = { endpoint: { address: { socket_address: { address: name, port_value: Number(port) } } } };
  const epp = {
    name: "epp",
    type: "STATIC",
    http2_protocol_options: {},
    load_assignment: { cluster_name: "epp", endpoints: [{ lb_endpoints: [endpoint] }] },
  };
  const listeners = [{ name: "in", filter_chains: [{ filters: [{ typed_config: manager }] }] }];
  const counters = { streams_started: 9, streams_failed: 0, stream_msgs_sent: 18, stream_msgs_received: 18 };
  return [
    { name: "c.json", text: JSON.stringify({ static_resources: { listeners, clusters: [epp, { name: "pods" }] } }) },
    {
      name: "s.txt",
      text: Object.entries(counters)
        .map(([key, value]) => `http.in.ext_proc.${key}: ${value}`)
        .join("\n"),
    },
  ];
}

test.each([
  { of: "nobody else tells of", status: "ECONNREFUSED", sources: [], row: 12, weight: "fault" },
  { of: "has a name that nobody knows", status: "ENOTFOUND", sources: [], row: 12, weight: "fault" },
  { of: "says nothing", status: "ETIMEDOUT", sources: [], row: 10, weight: "fault" },
  { of: "Envoy asks elsewhere", status: "ECONNREFUSED", sources: envoyAt("10.0.0.9:9002"), row: 12, weight: "risk" },
  { of: "Envoy has asked there", status: "ECONNREFUSED", sources: envoyAt(address), row: 12, weight: "fault" },
  { of: "is silent to us alone", status: "ETIMEDOUT", sources: envoyAt(address), row: 10, weight: "risk" },
])("a picker's port that $of and answers $status is row $row, a $weight", ({ status, sources, row, weight }) => {
  const { first, risks } = diagnose({ ...evidenceOf(sources), live: dead(status) });
  const [found] = [...(first === undefined ? [] : [first]), ...risks];
  expect([found?.row.row, found?.weight]).toEqual([row, weight]);
  expect(found?.evidence[0].source).toBe(address);
});

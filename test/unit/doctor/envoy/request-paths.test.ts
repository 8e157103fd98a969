import { expect, test } from "vitest";
import { diagnose, evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { byWay } from "../../../../src/doctor/envoy/request-paths.ts";

const line = (fields: object) =>
  JSON.stringify({ response_code: 200, response_flags: "-", method: "POST", bytes_received: 300, ...fields });
const evidence = (text: string) => evidenceOf([{ name: "access.log", text }]);

test("byWay asks once for each way, and keeps the order of the log", () => {
  const ways = ["a", "b", "a", "c", "b"];
  const { access } = evidence(ways.map((route_name) => line({ route_name })).join("\n"));
  let asked = 0;
  const found = byWay(access)(({ route }) => {
    asked++;
    return route !== "c";
  });
  expect([asked, found.map(({ quote }) => quote.line)]).toEqual([3, [1, 2, 3, 5]]);
});

test("a thousand routes and ten thousand requests that found no host take no time", () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `r${index}`);
  const header = { use_http_header: true, http_header_name: "x-gateway-destination-endpoint" };
  const cluster = (name: string) => ({
    name,
    type: "ORIGINAL_DST",
    lb_policy: "CLUSTER_PROVIDED",
    original_dst_lb_config: header,
  });
  const asking = {
    name: "epp",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
      grpc_service: { envoy_grpc: { cluster_name: "picker" } },
      processing_mode: { request_body_mode: "BUFFERED" },
    },
  };
  const manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    http_filters: [asking],
    route_config: {
      virtual_hosts: [
        {
          name: "v",
          domains: ["*"],
          routes: names.map((name) => ({ name, match: { prefix: `/${name}` }, route: { cluster: name } })),
        },
      ],
    },
  };
  const tree = {
    static_resources: {
      listeners: [{ name: "l", filter_chains: [{ filters: [{ typed_config: manager }] }] }],
      clusters: [{ name: "picker" }, ...names.map(cluster)],
    },
  };
  const lost = (at: number) =>
    line({
      response_code: 503,
      response_flags: "UH",
      response_code_details: "no_healthy_upstream",
      route_name: `r${at % 1_000}`,
    });
  const log = Array.from({ length: 10_000 }, (_, at) => lost(at)).join("\n");
  const given = evidenceOf([
    { name: "config.json", text: JSON.stringify(tree) },
    { name: "access.log", text: log },
  ]);
  const started = process.cpuUsage();
  expect(diagnose(given).first?.row.row).toBeGreaterThan(0);
  expect(process.cpuUsage(started).user / 1e6).toBeLessThan(5);
});

/** Row 12 where the picker that was asked does pick: whether Envoy could reach it there is another matter. */
import { expect, test } from "vitest";
import { diagnose, evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { expectOf, fixOf } from "../../../../src/doctor/fix.ts";

const access = {
  response_code: 503,
  response_flags: "-",
  response_code_details: "ext_proc_error_gRPC_error_14{delayed_connect_error:_111}",
  upstream_cluster: "pods",
  method: "POST",
};
const filter = {
  name: "envoy.filters.http.ext_proc",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
    grpc_service: { envoy_grpc: { cluster_name: "picker" } },
  },
};
const manager = {
  "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  http_filters: [filter],
  route_config: {
    virtual_hosts: [{ domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "pods" } }] }],
  },
};

function seenWith(envoys: string, asked: string) {
  const [address, port] = envoys.split(":");
  const endpoint = { address: { socket_address: { address, port_value: Number(port) } } };
  const picker = {
    name: "picker",
    http2_protocol_options: {},
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
  const listeners = [{ name: "http", filter_chains: [{ filters: [{ typed_config: manager }] }] }];
  const config = { static_resources: { listeners, clusters: [picker, { name: "pods" }] } };
  const text = "one pick: x-gateway-destination-endpoint: 10.0.0.9:8000";
  const pick = { question: "pick", isWell: true, status: "OK", quote: { source: asked, text } };
  const evidence = evidenceOf([
    { name: "config.json", text: JSON.stringify(config) },
    { name: "access.log", text: `${JSON.stringify(access)}\n` },
  ]);
  const { first } = diagnose({ ...evidence, live: { asked: [pick] } });
  if (first === undefined) throw new Error("nothing is seen");
  return { row: first.row.row, because: first.because?.[0]?.says, fix: fixOf(first), expect: expectOf(first) };
}

test("pickerDown names the address at which the picker answers, in place of Envoy's", () => {
  const seen = seenWith("10.0.0.1:9002", "10.0.0.2:9002");
  expect(seen.row).toBe(12);
  expect(seen.because).toBe("A picker answers at 10.0.0.2:9002, which is not where Envoy looks: 10.0.0.1:9002.");
  expect(seen.fix[0]).toBe("In cluster picker: address 10.0.0.2:9002 in place of 10.0.0.1:9002");
  expect(seen.expect).toContain("10.0.0.2:9002");
});

test("pickerDown gives Envoy no address of the machine that the doctor runs on: that may be a port-forward", () => {
  const seen = seenWith("10.0.0.1:9002", "127.0.0.1:9002");
  expect(seen.because).toBe("A picker answers at 127.0.0.1:9002, which is not where Envoy looks: 10.0.0.1:9002.");
  expect(seen.fix.filter((line) => line.includes("127.0.0.1"))).toEqual([]);
  expect(seen.expect).toBe("The host 10.0.0.1:9002 is healthy, and its cx_connect_fail stands still.");
});

test("pickerDown says nothing of a picker that answers where Envoy looks", () => {
  expect(seenWith("10.0.0.1:9002", "10.0.0.1:9002").because).toBeUndefined();
});

import { describe, expect, test } from "vitest";
import { catalogue, rows } from "../../../src/doctor/catalogue/rows.ts";
import { diagnose, evidenceOf } from "../../../src/doctor/diagnose.ts";
import { checklistOf, layerOf, layers } from "../../../src/doctor/layers.ts";

test("layerOf puts every row of the catalogue where it is to be mended", () => {
  const rowsOf = (layer: (typeof layers)[number]) =>
    catalogue.filter((row) => layerOf(row) === layer).map(({ row }) => row);
  expect(Object.fromEntries(layers.map((layer) => [layer, rowsOf(layer)]))).toEqual({
    "gateway pod": [48, 60, 61],
    address: [49],
    route: [4, 29, 32, 50, 53],
    pool: [5, 6, 24, 36, 37, 38, 39, 46],
    picker: [9, 10, 11, 12, 13, 14, 15, 16, 18, 21, 28, 31, 40, 44, 47, 52, 54, 55, 56, 57, 64],
    pod: [7, 30],
    filter: [1, 2, 3, 8, 22, 23, 25, 26, 27, 33, 34, 35, 41, 42, 43, 45, 51, 58, 62, 63],
    "end to end": [17, 19, 20],
  });
});

test("layerOf puts what a controller refused where its kind stands", () => {
  const of = (kind: string) => layerOf(rows.refused, `${kind} llm/x`);
  expect(["Gateway", "HTTPRoute", "InferencePool", "EnvoyExtensionPolicy"].map(of)).toEqual([
    "address",
    "route",
    "pool",
    "filter",
  ]);
});

describe("checklistOf calls nothing well that is none of several", () => {
  const listOf = (...sources: { name: string; text: string }[]) => {
    const evidence = evidenceOf(sources);
    return Object.fromEntries(checklistOf(diagnose(evidence), evidence).map((each) => [each.layer, each]));
  };
  const object = (kind: string, name: string, status: object, labels = {}) => {
    const apiVersion = kind === "Pod" ? "v1" : "gateway.networking.k8s.io/v1";
    return { name: `${name}.json`, text: JSON.stringify({ apiVersion, kind, metadata: { name, labels }, status }) };
  };

  test("routes that ask no picker and need one", () => {
    const type = "type.googleapis.com/envoy.extensions";
    const manager = {
      "@type": `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: "in",
      route_config: {
        virtual_hosts: [{ domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "pods" } }] }],
      },
      http_filters: [{ name: "router", typed_config: { "@type": `${type}.filters.http.router.v3.Router` } }],
    };
    const pods = {
      name: "pods",
      type: "ORIGINAL_DST",
      lb_policy: "CLUSTER_PROVIDED",
      original_dst_lb_config: { use_http_header: true, http_header_name: "target-pod" },
    };
    const listeners = [{ name: "in", filter_chains: [{ filters: [{ typed_config: manager }] }] }];
    const text = JSON.stringify({ static_resources: { listeners, clusters: [pods] } });
    expect(listOf({ name: "config.json", text })["route"]).toMatchObject({
      state: "broken",
      says: "0 of 1 routes ask the picker, and 1 of the others need it",
    });
  });

  test("pods of a gateway of which none says that it is ready, and requests of which none was answered well", () => {
    const gateway = { "gateway.networking.k8s.io/gateway-name": "eg" };
    const pod = object("Pod", "envoy", { conditions: [{ type: "Initialized", status: "True" }] }, gateway);
    expect(listOf(pod)["gateway pod"]).toMatchObject({ state: "risk", says: "0 of 1 pods are ready" });
    const line = { response_code: 499, response_flags: "-", response_code_details: "via_upstream" };
    expect(listOf({ name: "access.log", text: JSON.stringify(line) })["end to end"]?.state).toBe("risk");
  });

  test("routes of which nobody knows yet whether they are accepted", () => {
    const route = object("HTTPRoute", "llm", { parents: [{ conditions: [{ type: "Accepted", status: "Unknown" }] }] });
    expect(listOf(route)["route"]).toMatchObject({ state: "risk", says: "0 of 1 are Accepted" });
  });
});

test.each([
  { state: "LIVE", seen: "well" },
  { state: "DRAINING", seen: "risk" },
  { state: "PRE_INITIALIZING", seen: "risk" },
])("an Envoy that is $state is $seen", ({ state, seen }) => {
  const page = { version: "abc/1.36.0/Clean/RELEASE/BoringSSL", state, command_line_options: {} };
  const evidence = evidenceOf([{ name: "server_info.json", text: JSON.stringify(page) }]);
  expect(checklistOf(diagnose(evidence), evidence)[0]).toMatchObject({ layer: "gateway pod", state: seen });
});

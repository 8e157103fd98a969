import { describe, expect, test } from "vitest";
import { readConfig } from "../../../src/doctor/envoy/read-config.ts";
import { limitsOf } from "../../../src/doctor/limits.ts";

const type = "type.googleapis.com/envoy.extensions.filters";

interface Sizes {
  readonly listener?: number;
  readonly route?: object;
  readonly filters?: readonly object[];
}

function bodyLimit({ listener, route = {}, filters = [] }: Sizes) {
  const manager = {
    "@type": `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ name: "r", match: { prefix: "/" }, route: { cluster: "c" }, ...route }],
        },
      ],
    },
    http_filters: [...filters, { name: "router", typed_config: { "@type": `${type}.http.router.v3.Router` } }],
  };
  const listeners = [
    {
      name: "l",
      filter_chains: [{ filters: [{ typed_config: manager }] }],
      ...(listener !== undefined && { per_connection_buffer_limit_bytes: listener }),
    },
  ];
  const clusters = [{ name: "c", per_connection_buffer_limit_bytes: 10 }];
  return limitsOf(readConfig({ static_resources: { listeners, clusters } }, "envoy.yaml")).body;
}

describe("limitsOf a body", () => {
  test("is the listener's, or Envoy's own; a cluster's refuses nothing", () => {
    expect(bodyLimit({ listener: 32_768 })).toEqual({ value: 32_768, of: "listener l" });
    expect(bodyLimit({})).toEqual({ value: 1_048_576, of: "listener l" });
  });

  test("is the route's where that raises the listener's", () => {
    const route = { request_body_buffer_limit: 5_000_000 };
    expect(bodyLimit({ listener: 32_768, route })).toEqual({ value: 5_000_000, of: "route r" });
    const less = { request_body_buffer_limit: 5000 };
    expect(bodyLimit({ listener: 32_768, route: less })).toEqual({ value: 32_768, of: "listener l" });
  });

  test("is that of a filter that holds bodies, where it is smaller", () => {
    const config = { "@type": `${type}.http.buffer.v3.Buffer`, max_request_bytes: 999 };
    expect(bodyLimit({ filters: [{ name: "buffer", typed_config: config }] })).toEqual({
      value: 999,
      of: "filter buffer",
    });
  });
});

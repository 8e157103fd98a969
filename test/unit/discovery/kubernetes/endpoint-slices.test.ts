import { describe, expect, test } from "vitest";
import { readSlice, sliceEndpoints } from "../../../../src/discovery/kubernetes/endpoint-slices.ts";

const endpoint = (ip: string, pod?: string, conditions: object = { ready: true }) => ({
  addresses: [ip],
  conditions,
  ...(pod !== undefined && { targetRef: { kind: "Pod", name: pod, uid: `uid-${pod}` } }),
});
const http = { name: "http", port: 8000, protocol: "TCP" };
const slice = (endpoints: readonly unknown[], ports: readonly unknown[] = [http]) => readSlice({ endpoints, ports });
const addresses = (slices: Parameters<typeof sliceEndpoints>[0], port?: string | number) => {
  const found = sliceEndpoints(slices, port);
  return typeof found === "string" ? found : found.map(({ address }) => address);
};

describe("sliceEndpoints", () => {
  test("names an endpoint after its pod, or by its address where there is none", () => {
    expect(sliceEndpoints([slice([endpoint("10.0.0.1", "a"), endpoint("10.0.0.2")])], undefined)).toEqual([
      { name: "a", address: "10.0.0.1:8000", uid: "uid-a" },
      { name: "10.0.0.2:8000", address: "10.0.0.2:8000" },
    ]);
  });

  test.each([
    ["ready", { ready: true }, true],
    ["of unknown readiness", {}, true],
    ["without conditions", undefined, true],
    ["not ready", { ready: false, serving: true }, false],
    ["terminating, though published as ready", { ready: true, terminating: true }, false],
  ])("takes an endpoint that is %s as it is meant", (_title, conditions, isTaken) => {
    const one = { ...endpoint("10.0.0.1"), conditions };
    expect(addresses([slice([one])])).toEqual(isTaken ? ["10.0.0.1:8000"] : []);
  });

  test.each([[[]], [["host"]], [["fe80::1%eth0"]], [[7]], [undefined]])("passes over the addresses %j", (given) => {
    expect(addresses([slice([{ ...endpoint("10.0.0.1"), addresses: given }])])).toEqual([]);
  });

  test("takes the first of several addresses, as Kubernetes does", () => {
    expect(addresses([slice([{ addresses: ["10.0.0.1", "10.0.0.2"] }])])).toEqual(["10.0.0.1:8000"]);
  });

  test("merges what stands in several slices", () => {
    const slices = [slice([endpoint("10.0.0.1", "a")]), slice([endpoint("10.0.0.1", "a"), endpoint("10.0.0.2", "b")])];
    expect(addresses(slices)).toEqual(["10.0.0.1:8000", "10.0.0.2:8000"]);
    expect(addresses([slice([endpoint("10.0.0.1")]), slice([endpoint("10.0.0.1")])])).toEqual(["10.0.0.1:8000"]);
  });

  test("takes a dual-stack pod once, under its IPv4 address, whichever slice comes first", () => {
    const four = slice([endpoint("10.0.0.1", "a")]);
    const six = slice([endpoint("fd00::1", "a"), endpoint("fd00::2", "b")]);
    expect(addresses([four, six])).toEqual(["10.0.0.1:8000", "[fd00::2]:8000"]);
    expect(addresses([six, four])).toEqual(["10.0.0.1:8000", "[fd00::2]:8000"]);
  });

  const metrics = { name: "metrics", port: 9090 };
  test.each([
    [undefined, ["10.0.0.1:8000"]],
    ["metrics", ["10.0.0.1:9090"]],
    [9090, ["10.0.0.1:9090"]],
    ["grpc", "has no port grpc (it has http=8000, metrics=9090)"],
    [80, "has no port 80 (it has http=8000, metrics=9090)"],
  ])("chooses port %j", (port, expected) => {
    expect(addresses([slice([endpoint("10.0.0.1")], [http, metrics])], port)).toEqual(expected);
  });

  test("chooses a named port in each slice for itself, as its number may differ", () => {
    const other = slice([endpoint("10.0.0.2")], [{ name: "http", port: 8080 }]);
    expect(addresses([slice([endpoint("10.0.0.1")]), other], "http")).toEqual(["10.0.0.1:8000", "10.0.0.2:8080"]);
  });

  test("names unnamed ports by number, and passes over ports of other protocols and without a number", () => {
    const ports = [{ port: 53, protocol: "UDP" }, { name: "all" }, { name: "", port: 8000 }];
    expect(addresses([slice([endpoint("10.0.0.1")], ports)])).toEqual(["10.0.0.1:8000"]);
    expect(addresses([slice([endpoint("10.0.0.1")], ports)], 1)).toBe("has no port 1 (it has 8000)");
    expect(addresses([slice([endpoint("10.0.0.1")], [])])).toBe("has no port at all");
  });

  test("has nothing against a Service without endpoints, whatever its ports", () => {
    expect(addresses([], "http")).toEqual([]);
    expect(addresses([slice([], [metrics])], "http")).toEqual([]);
    expect(addresses([readSlice({})], "http")).toEqual([]);
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  adminOn,
  type Edit,
  listenOn,
  type Place,
  pickersAt,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../../src/demo/envoy-config.ts";

const shipped = ["buffered.yaml", "duplex.yaml", "round-robin.yaml"];
const withPicker = ["buffered.yaml", "duplex.yaml"];

/** What stands at a place, read independently of the code under test. */
function at(tree: unknown, place: Place): unknown {
  return place.reduce<unknown>((node, step) => {
    if (Array.isArray(node) && typeof step === "string") return node.find((item) => item.name === step);
    return (node as Record<string | number, unknown>)[step];
  }, tree);
}

const socket = (address: string, port: number) => ({ socket_address: { address, port_value: port } });

describe("renderEnvoyConfig", () => {
  test.each(shipped)("leaves %s as shipped when there are no edits", (file) => {
    const tree = renderEnvoyConfig(file, []);
    expect(at(tree, [...places.listener, "address"])).toEqual(socket("127.0.0.1", 10000));
    expect(at(tree, ["admin", "address"])).toEqual(socket("127.0.0.1", 9901));
  });

  test("listenOn and adminOn move the ports", () => {
    const tree = renderEnvoyConfig("buffered.yaml", [listenOn(0), adminOn(12345, "::1")]);
    expect(at(tree, [...places.listener, "address"])).toEqual(socket("127.0.0.1", 0));
    expect(at(tree, ["admin", "address"])).toEqual(socket("::1", 12345));
  });

  test("pickersAt lists every picker, IPv6 without its brackets", () => {
    const tree = renderEnvoyConfig("duplex.yaml", [pickersAt(["127.0.0.1:1", "[::1]:2"])]);
    expect(at(tree, [...places.picker, "load_assignment", "endpoints", 0, "lb_endpoints"])).toEqual([
      { endpoint: { address: socket("127.0.0.1", 1) } },
      { endpoint: { address: socket("::1", 2) } },
    ]);
  });

  test("podsAt lists the pods of the config without picker", () => {
    const tree = renderEnvoyConfig("round-robin.yaml", [podsAt(["10.0.0.1:8000"])]);
    expect(at(tree, [...places.pods, "load_assignment", "endpoints", 0, "lb_endpoints"])).toEqual([
      { endpoint: { address: socket("10.0.0.1", 8000) } },
    ]);
  });

  test("edits of one place leave its twins alone", () => {
    const limit = (place: Place) => [...place, "circuit_breakers", "thresholds", 0, "max_requests"];
    const tree = renderEnvoyConfig("buffered.yaml", [{ op: "set", at: limit(places.picker), to: 1 }]);
    expect(at(tree, limit(places.picker))).toBe(1);
    expect(at(tree, limit(places.pods))).toBe(40000);
  });

  test("add puts a new key into a map and inserts into a list, remove takes away", () => {
    const edits: Edit[] = [
      { op: "add", at: [...places.extProc, "observability_mode"], to: true },
      { op: "remove", at: [...places.extProc, "message_timeout"] },
      { op: "add", at: [...places.hcm, "http_filters", 1], to: { name: "new" } },
      { op: "remove", at: [...places.hcm, "http_filters", "envoy.filters.http.header_mutation"] },
    ];
    const tree = renderEnvoyConfig("buffered.yaml", edits);
    expect(at(tree, places.extProc)).toMatchObject({ observability_mode: true });
    expect(at(tree, places.extProc)).not.toHaveProperty("message_timeout");
    const filters = at(tree, [...places.hcm, "http_filters"]) as { name: string }[];
    expect(filters.map(({ name }) => name)).toEqual([
      "new",
      "envoy.filters.http.ext_proc",
      "envoy.filters.http.router",
    ]);
  });

  test.each<[string, Edit, RegExp]>([
    ["set where nothing is", { op: "set", at: ["admin", "adress"], to: 1 }, /buffered\.yaml: admin > adress does not/],
    ["remove where nothing is", { op: "remove", at: ["nowhere"] }, /nowhere does not exist/],
    ["add where something is", { op: "add", at: ["admin", "address"], to: 1 }, /admin > address exists already/],
    ["a broken way", { op: "add", at: ["static_resources", "routes", 0], to: 1 }, /static_resources > routes does not/],
    ["an unknown list name", { op: "set", at: ["static_resources", "clusters", "x"], to: 1 }, /clusters > x does not/],
    ["a gap in a list", { op: "add", at: ["static_resources", "clusters", 9], to: 1 }, /no position of this list/],
    ["pods of a picker config", podsAt(["127.0.0.1:1"]), /pods > load_assignment does not exist/],
  ])("refuses %s, naming the place", (_, edit, message) => {
    expect(() => renderEnvoyConfig("buffered.yaml", [edit])).toThrow(message);
  });

  test.each(["127.0.0.1", "::1:80", "a:b", ""])("refuses the address %j", (address) => {
    expect(() => pickersAt([address])).toThrow(/expected ip:port/);
  });
});

describe("the shipped files", () => {
  test("buffered and duplex differ in nothing but the processing mode and what goes with the answers", () => {
    const bare = (file: string, ...more: string[]) =>
      renderEnvoyConfig(
        file,
        ["processing_mode", ...more].map((key) => ({ op: "remove", at: [...places.extProc, key] })),
      );
    expect(bare("duplex.yaml", "response_attributes")).toEqual(bare("buffered.yaml"));
  });

  test.each(withPicker)("%s strips the client's destination before ext_proc", (file) => {
    const filters = at(renderEnvoyConfig(file, []), [...places.hcm, "http_filters"]) as { name: string }[];
    expect(filters.map(({ name }) => name)).toEqual([
      "envoy.filters.http.header_mutation",
      "envoy.filters.http.ext_proc",
      "envoy.filters.http.router",
    ]);
    expect(filters[0]).toMatchObject({
      typed_config: {
        mutations: { request_mutations: [{ remove: "x-gateway-destination-endpoint" }, { remove: "target-pod" }] },
      },
    });
  });

  test.each(shipped)("%s explains the limits it raises, each in the line above", (file) => {
    const lines = readFileSync(new URL(`../../../deploy/envoy/${file}`, import.meta.url), "utf8").split("\n");
    const raised = /^ +(per_connection_buffer_limit_bytes|timeout|idle_timeout|message_timeout|circuit_breakers):/;
    const found = lines.flatMap((line, index) => (raised.test(line) ? [index] : []));
    expect(found.length).toBeGreaterThan(4);
    expect(found.filter((index) => !lines[index - 1]?.trim().startsWith("#"))).toEqual([]);
  });
});

import { describe, expect, test } from "vitest";
import { decodeMessage } from "../../../src/ext-proc/decode-message.ts";
import { headersOf } from "../../../src/ext-proc/header-map.ts";
import { headerMap, type ProcessingRequest, protoMethods, type StructValue } from "../../../src/ext-proc/messages.ts";
import { keptOriginal } from "../../../src/ext-proc/original-request.ts";
import { backendName, envoyMinor, routedPool, servedAddress, subsetHint } from "../../../src/ext-proc/read-metadata.ts";
import { Random } from "../../support/random.ts";
import { randomMessage } from "../../support/random-messages.ts";

const encode = (extra: ProcessingRequest) =>
  protoMethods().process.requestSerialize({ request_headers: { headers: headerMap({ ":path": "/" }) }, ...extra });
const decoded = (extra: ProcessingRequest) => decodeMessage(encode(extra));
const metadata = (namespace: string, key: string, value: StructValue): ProcessingRequest => ({
  metadata_context: {
    filter_metadata: { other: { fields: { [key]: { numberValue: 1 } } }, [namespace]: { fields: { [key]: value } } },
  },
});
const list = (...texts: string[]): StructValue => ({
  listValue: { values: texts.map((stringValue) => ({ stringValue })) },
});

describe("subsetHint", () => {
  const hint = (value: StructValue) =>
    subsetHint(decoded(metadata("envoy.lb.subset_hint", "x-gateway-destination-endpoint-subset", value)));

  test.each([
    ["a list", list("10.0.0.1:8000", "[::1]:8000"), ["10.0.0.1:8000", "[::1]:8000"]],
    ["a text with commas", { stringValue: "10.0.0.1:8000, 10.0.0.2" }, ["10.0.0.1:8000", " 10.0.0.2"]],
    ["an empty list", list(), []],
    ["an empty text", { stringValue: "" }, []],
  ])("reads %s", (_, value, expected) => {
    expect(hint(value)).toEqual(expected);
  });

  test("is undefined where Envoy restricts nothing", () => {
    expect(subsetHint(decoded({}))).toBeUndefined();
    expect(
      subsetHint(decoded(metadata("envoy.lb", "x-gateway-destination-endpoint-subset", list("a:1")))),
    ).toBeUndefined();
  });
});

describe("routedPool", () => {
  const attribute = (name: string, value: string): ProcessingRequest => ({
    attributes: {
      "envoy.filters.http.ext_proc": { fields: { "request.id": { stringValue: "x" }, [name]: { stringValue: value } } },
    },
  });

  test("reads the route's own metadata from the filter's attributes", () => {
    const named = attribute("xds.route_metadata.filter_metadata['pointsman']['pool']", "large");
    expect(routedPool(decoded(named))).toBe("large");
    expect(routedPool(decoded(attribute("xds.cluster_name", "large")))).toBe("");
    expect(routedPool(decoded(attribute("xds.route_metadata.filter_metadata['other']['name']", "large")))).toBe("");
  });

  test("reads dynamic metadata, which beats the attribute", () => {
    const both = {
      ...attribute("xds.route_metadata.filter_metadata['pointsman']['pool']", "large"),
      ...metadata("pointsman", "pool", { stringValue: "small" }),
    };
    expect(routedPool(decoded(both))).toBe("small");
    expect(routedPool(decoded({}))).toBe("");
  });
});

test("servedAddress reads which pod answered", () => {
  const served = metadata("envoy.lb", "x-gateway-destination-endpoint-served", { stringValue: "10.0.0.2:8000" });
  expect(servedAddress(decoded(served))).toBe("10.0.0.2:8000");
  expect(servedAddress(decoded({}))).toBe("");
});

test("nothing that can come makes the readers throw", () => {
  const random = new Random(7);
  for (let i = 0; i < 3000; i++) {
    const bytes = protoMethods().process.requestSerialize(randomMessage(random, "request_headers"));
    for (let flips = random.int(4); flips > 0; flips--) bytes[random.int(bytes.length)] = random.int(256);
    const message = decodeMessage(bytes);
    const read = [routedPool, subsetHint, servedAddress, backendName, envoyMinor, keptOriginal, headersOf];
    expect(() => read.map((reader) => reader(message))).not.toThrow();
  }
});

test("headersOf has every header once, joined where it came several times, and none of HTTP/2's own", () => {
  const header = (key: string, value: string) => ({ key, raw_value: Buffer.from(value) });
  const headers = [header(":path", "/"), header("a", "1"), header("b", ""), header("a", "2"), header("c", "\u00fc")];
  expect(headersOf(decoded({ request_headers: { headers: { headers } } }))).toEqual({
    a: "1, 2",
    b: "",
    // A byte in each character, as headers are.
    c: Buffer.from("\u00fc").toString("latin1"),
  });
});

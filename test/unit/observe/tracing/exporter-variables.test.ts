import { describe, expect, test } from "vitest";
import { exporterFaults, exporterNotes, exporterVariable } from "../../../../src/observe/tracing/exporter-variables.ts";

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS = "OTEL_EXPORTER_OTLP_HEADERS";
const SECRET = "SECRET77";

test("exporterVariable prefers the variable of traces, and passes over an empty one", () => {
  const both = { [ENDPOINT]: "http://all:1", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: " http://traces:1 " };
  expect(exporterVariable(both, "ENDPOINT")).toEqual({
    name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    value: "http://traces:1",
  });
  const blank = { ...both, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: " " };
  expect(exporterVariable(blank, "ENDPOINT")).toEqual({ name: ENDPOINT, value: "http://all:1" });
});

describe("exporterFaults", () => {
  test.each([
    ["grpc", {}],
    ["grpc", { [ENDPOINT]: "collector:4317" }],
    ["grpc", { [ENDPOINT]: "unix:///run/collector.sock" }],
    ["grpc", { [HEADERS]: `api-key=${SECRET}, authorization=Bearer%20${SECRET},` }],
    ["http/protobuf", { [ENDPOINT]: `https://me:${SECRET}@collector/v1?key=${SECRET}` }],
    ["http/protobuf", { [HEADERS]: `authorization=Basic ${SECRET}==` }],
  ] as const)("over %s finds nothing wrong with %j", (protocol, env) => {
    expect(exporterFaults(env, protocol, false)).toEqual([]);
  });

  test.each([
    ["http/protobuf", ENDPOINT, "127.0.0.1:4318"],
    ["http/protobuf", ENDPOINT, `me:${SECRET}@collector:4318`],
    ["http/protobuf", ENDPOINT, `http://[${SECRET}`],
    ["grpc", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", `http://[${SECRET}:4317`],
    ["grpc", HEADERS, `x-team=${SECRET}%0a`],
    ["grpc", HEADERS, `x-team=${SECRET}é`],
    ["grpc", HEADERS, `api key:${SECRET}=1`],
    ["grpc", HEADERS, `key-bin=${SECRET}`],
    ["grpc", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", `a=1,authorization: ${SECRET}`],
    ["http/protobuf", HEADERS, `a=${SECRET}%0d%0ab`],
    ["http/protobuf", HEADERS, `a=%zz${SECRET}`],
  ] as const)("over %s names %s with the value %j, without it", (protocol, name, value) => {
    const faults = exporterFaults({ [name]: value }, protocol, false);
    expect(faults).toEqual([expect.stringMatching(new RegExp(`^${name}: expected `))]);
    expect(faults.join()).not.toContain(SECRET);
  });

  test("leaves an endpoint alone that an option of ours overrules", () => {
    expect(exporterFaults({ [ENDPOINT]: "nowhere" }, "http/protobuf", true)).toEqual([]);
  });
});

test("exporterNotes name what is passed over", () => {
  expect(exporterNotes({ OTEL_EXPORTER_OTLP_TIMEOUT: "800", OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" })).toEqual([]);
  const notes = exporterNotes({
    OTEL_EXPORTER_OTLP_TIMEOUT: "abc",
    OTEL_EXPORTER_OTLP_COMPRESSION: "zstd",
    OTEL_RESOURCE_ATTRIBUTES: `a=b,${SECRET}`,
  });
  expect(notes.map((note) => note.split(":")[0])).toEqual([
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_RESOURCE_ATTRIBUTES",
  ]);
  expect(notes.join()).not.toContain(SECRET);
});

import { describe, expect, test } from "vitest";
import { serviceNameOf, type TraceConfig, traceSettings } from "../../../../src/observe/tracing/trace-settings.ts";

const unset: TraceConfig = { tracing: "auto", tracingEndpoint: "", tracingProtocol: "auto", tracingShare: "auto" };
const at = (port: number) => `http://collector:${port}`;
const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";

describe("traceSettings", () => {
  test("is off where nothing asks for traces", () => {
    expect(traceSettings(unset, {})).toBeUndefined();
    expect(traceSettings(unset, { OTEL_TRACES_EXPORTER: "console", OTEL_SERVICE_NAME: "x" })).toBeUndefined();
  });

  test.each([
    [{ tracing: true }, {}],
    [{ tracingEndpoint: at(4318) }, {}],
    [{}, { [ENDPOINT]: at(4318) }],
    [{}, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: at(4318) }],
    [{}, { OTEL_TRACES_EXPORTER: "otlp" }],
    [{ tracing: true }, { OTEL_SDK_DISABLED: "true" }],
  ] as const)("is on with %j and the environment %j", (config, env) => {
    expect(traceSettings({ ...unset, ...config }, env)).toBeDefined();
  });

  test.each([
    [{ tracing: false }, { [ENDPOINT]: at(4318) }],
    [{}, { [ENDPOINT]: at(4318), OTEL_SDK_DISABLED: "TRUE" }],
    [{}, { [ENDPOINT]: at(4318), OTEL_TRACES_EXPORTER: "none" }],
  ] as const)("is off with %j and the environment %j", (config, env) => {
    expect(traceSettings({ ...unset, ...config }, env)).toBeUndefined();
  });

  test.each([
    [{}, { [ENDPOINT]: at(4317) }, "grpc"],
    [{}, { [ENDPOINT]: `${at(4317)}/` }, "grpc"],
    [{}, { [ENDPOINT]: at(4318) }, "http/protobuf"],
    [{}, { [ENDPOINT]: at(4317), OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }, "http/protobuf"],
    [{}, { [ENDPOINT]: at(9), OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc" }, "grpc"],
    [{ tracingEndpoint: at(4317) }, { [ENDPOINT]: at(4318) }, "grpc"],
    [{ tracingProtocol: "http/protobuf" }, { [ENDPOINT]: at(4317) }, "http/protobuf"],
  ] as const)("with %j and the environment %j speaks %s", (config, env, protocol) => {
    expect(traceSettings({ ...unset, ...config }, env)?.protocol).toBe(protocol);
  });

  test.each([
    [{}, {}, { heedsParent: true, share: 0.1 }],
    [{ tracingShare: 0.5 }, { OTEL_TRACES_SAMPLER: "always_on" }, { heedsParent: true, share: 0.5 }],
    [{}, { OTEL_TRACES_SAMPLER: "always_on" }, { heedsParent: false, share: 1 }],
    [{}, { OTEL_TRACES_SAMPLER: "parentbased_always_off" }, { heedsParent: true, share: 0 }],
    [{}, { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" }, { heedsParent: false, share: 0.25 }],
    [{}, { OTEL_TRACES_SAMPLER: "parentbased_traceidratio" }, { heedsParent: true, share: 1 }],
  ] as const)("with %j and the environment %j samples %j", (config, env, sampling) => {
    expect(traceSettings({ ...unset, tracing: true, ...config }, env)).toMatchObject({ sampling, notes: [] });
  });

  test("names what of the environment it does not understand, without its value", () => {
    const env = {
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "xyzzy",
      OTEL_EXPORTER_OTLP_PROTOCOL: "xyzzy",
    };
    const notes = traceSettings({ ...unset, tracing: true }, env)?.notes;
    expect(notes).toEqual([
      "OTEL_EXPORTER_OTLP_PROTOCOL: expected grpc or http/protobuf",
      "OTEL_TRACES_SAMPLER_ARG: expected a share 0..1",
    ]);
    expect(traceSettings({ ...unset, tracing: true }, { OTEL_TRACES_SAMPLER: "xyzzy" })?.notes[0]).toMatch(
      /^OTEL_TRACES_SAMPLER: expected one of always_on/,
    );
  });
});

test("serviceNameOf takes OTEL_SERVICE_NAME, else the resource's, else pointsman", () => {
  expect(serviceNameOf({})).toBe("pointsman");
  const resource = { OTEL_RESOURCE_ATTRIBUTES: "a=b, service.name = router ,c=d" };
  expect(serviceNameOf(resource)).toBe("router");
  expect(serviceNameOf({ ...resource, OTEL_SERVICE_NAME: "mine" })).toBe("mine");
  expect(serviceNameOf({ OTEL_RESOURCE_ATTRIBUTES: "c,x=%zz,service.name=my%20router" })).toBe("my router");
});

import { describe, expect, test } from "vitest";
import { readPool } from "../../../../src/discovery/kubernetes/inference-pool.ts";
import { Malformed } from "../../../../src/discovery/kubernetes/kube-json.ts";

const spec = {
  selector: { matchLabels: { role: "decode", app: "vllm" } },
  targetPorts: [{ number: 8000 }, { number: 8001 }],
  appProtocol: "kubernetes.io/h2c",
  endpointPickerRef: { group: "", kind: "Service", name: "picker", port: { number: 9002 }, failureMode: "FailOpen" },
};
const oldSpec = {
  selector: { app: "vllm" },
  targetPortNumber: 8000,
  extensionRef: { name: "picker", portNumber: 9002 },
};
const read = (content: object) => readPool({ metadata: { name: "p", namespace: "ns" }, spec: content }, "g");

describe("readPool", () => {
  test("reads a pool of the new group", () => {
    expect(read(spec)).toEqual({
      namespace: "ns",
      name: "p",
      group: "g",
      selector: "app=vllm,role=decode",
      ports: [8000, 8001],
      appProtocol: "kubernetes.io/h2c",
      picker: { name: "picker", kind: "Service", port: 9002, failureMode: "FailOpen" },
    });
  });

  test("reads a pool of the old group, with the defaults of what it does not say", () => {
    expect(read(oldSpec)).toMatchObject({
      selector: "app=vllm",
      ports: [8000],
      appProtocol: "http",
      picker: { name: "picker", kind: "Service", port: 9002, failureMode: "FailClose" },
    });
  });

  test("reads a pool that names no picker, or one without a port", () => {
    expect(read({ ...spec, endpointPickerRef: undefined })).not.toHaveProperty("picker");
    expect(read({ ...spec, endpointPickerRef: { name: "x" } })).toMatchObject({
      picker: { name: "x", kind: "Service", failureMode: "FailClose" },
    });
  });

  test.each([
    [[]],
    [[{ number: 0 }]],
    [[{ number: 8000 }, {}]],
    [[{ number: 1 }, { number: 1 }]],
    ["8000"],
    [undefined],
  ])("takes the target ports %j for malformed", (targetPorts) => {
    expect(read({ ...spec, targetPorts })).toEqual(new Malformed("has no 1 to 8 target ports from 1 to 65535"));
  });

  test("takes eight target ports and no more", () => {
    const ports = (count: number) => Array.from({ length: count }, (_, i) => ({ number: 8000 + i }));
    expect(read({ ...spec, targetPorts: ports(8) })).toHaveProperty("ports.length", 8);
    expect(read({ ...spec, targetPorts: ports(9) })).toBeInstanceOf(Malformed);
  });

  test.each([[{}], [{ matchLabels: {} }], [undefined], ["app=vllm"]])(
    "takes the selector %j for malformed, as it would select everything",
    (selector) => {
      expect(read({ ...spec, selector })).toEqual(new Malformed("has a selector without labels"));
    },
  );

  test("lives with an object of nothing", () => {
    expect(readPool({}, "g")).toBeInstanceOf(Malformed);
  });
});

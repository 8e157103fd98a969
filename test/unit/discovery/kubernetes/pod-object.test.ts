import { describe, expect, test } from "vitest";
import { Malformed } from "../../../../src/discovery/kubernetes/kube-json.ts";
import { endpointsOf, readPod, type ServingPod } from "../../../../src/discovery/kubernetes/pod-object.ts";
import { notReady, podObject } from "./scripted-api.ts";

const pod: ServingPod = { name: "a", uid: "u", ip: "10.0.0.1", labels: { app: "vllm" } };
const annotated = (annotations: Record<string, unknown>) =>
  readPod(podObject("a", "10.0.0.1", { metadata: { annotations } }));

describe("readPod", () => {
  test("keeps the name, uid, address and labels of a pod that may serve, and nothing else", () => {
    expect(readPod(podObject("a", "10.0.0.1"))).toEqual({ ...pod, uid: "uid-a" });
  });

  test.each([
    ["is not ready", notReady],
    ["has no condition yet", { status: { conditions: undefined } }],
    ["has another condition only", { status: { conditions: [{ type: "Initialized", status: "True" }] } }],
    ["has no address yet", { status: { podIP: undefined } }],
    ["has an empty address", { status: { podIP: "" } }],
    ["is leaving", { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }],
    ["has succeeded", { status: { phase: "Succeeded" } }],
    ["has failed", { status: { phase: "Failed" } }],
  ])("keeps nothing of a pod that %s", (_title, change) => {
    expect(readPod(podObject("a", "10.0.0.1", change))).toBeUndefined();
  });

  test.each([
    [{ metadata: { uid: undefined } }, "has no uid"],
    [{ status: { podIP: "host" } }, 'has a podIP that is no address: "host"'],
  ])("takes %j for malformed", (change, reason) => {
    expect(readPod(podObject("a", "10.0.0.1", change))).toEqual(new Malformed(reason));
  });

  test.each([
    [{ app: "vllm", odd: 7 }, { app: "vllm" }],
    [undefined, {}],
    [["app"], {}],
  ])("keeps of the labels %j what labels can be", (labels, kept) => {
    expect(readPod(podObject("a", "10.0.0.1", { metadata: { labels } }))).toMatchObject({ labels: kept });
  });

  test("lives with an object of nothing but a name", () => {
    expect(readPod({ metadata: { name: "a" } })).toBeUndefined();
    expect(readPod({})).toBeUndefined();
  });

  test.each([
    [{ "llm-d.ai/active-ports": "8001" }, [8001]],
    [{ "inference.networking.k8s.io/active-ports": " 8000, 8002 " }, [8000, 8002]],
    [{ "llm-d.ai/active-ports": "8001", "inference.networking.k8s.io/active-ports": "8000" }, [8001]],
    [{ "llm-d.ai/active-ports": "8001,x,,0,65536" }, [8001]],
    [{ "llm-d.ai/active-ports": "" }, []],
    [{ "llm-d.ai/active-ports": 8001 }, undefined],
  ])("reads the active ports of %j", (annotations, ports) => {
    expect(annotated(annotations)).toMatchObject(ports === undefined ? { name: "a" } : { activePorts: ports });
    if (ports === undefined) expect(annotated(annotations)).not.toHaveProperty("activePorts");
  });
});

describe("endpointsOf", () => {
  test("makes one endpoint of a pod with one port, under the pod's name", () => {
    expect(endpointsOf(pod, [8000])).toEqual([
      { name: "a", address: "10.0.0.1:8000", labels: { app: "vllm" }, uid: "u" },
    ]);
  });

  test("makes one endpoint per port, named by rank", () => {
    expect(endpointsOf(pod, [8000, 8001]).map(({ name, address }) => `${name} ${address}`)).toEqual([
      "a-rank-0 10.0.0.1:8000",
      "a-rank-1 10.0.0.1:8001",
    ]);
  });

  test("leaves out the ports that are not active, and keeps the ranks of the others", () => {
    const limited = { ...pod, activePorts: [8001, 9000] };
    expect(endpointsOf(limited, [8000, 8001, 8002])).toEqual([
      { name: "a-rank-1", address: "10.0.0.1:8001", labels: { app: "vllm" }, uid: "u" },
    ]);
  });

  test("writes IPv6 as Envoy does", () => {
    expect(endpointsOf({ ...pod, ip: "fd00:0:0::1" }, [80])[0]?.address).toBe("[fd00::1]:80");
  });
});

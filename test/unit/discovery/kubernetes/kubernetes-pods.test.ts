import { describe, expect, test } from "vitest";
import { type KubernetesPodsConfig, kubernetesPods } from "../../../../src/discovery/kubernetes/kubernetes-pods.ts";
import { HeardEvents } from "../../../support/heard-events.ts";
import { podObject, ScriptedApi } from "./scripted-api.ts";

function run(config: KubernetesPodsConfig) {
  const api = new ScriptedApi();
  const heard = new HeardEvents();
  const skipped: string[] = [];
  const source = kubernetesPods(config, { api, onSkipped: (problem) => void skipped.push(problem) });
  return { api, heard, skipped, source, started: source.start(heard) };
}

const selector = { kind: "selector", namespace: "ns", selector: "app=vllm,role in (a,b)", ports: [8000] } as const;
const aibrixPod = (name: string, ip: string, model: string) =>
  podObject(name, ip, { metadata: { labels: { "model.aibrix.ai/name": model } } });

describe("kubernetesPods", () => {
  test.each<[string, KubernetesPodsConfig, string, object]>([
    [
      "pods ns/app=vllm,role in (a,b)",
      selector,
      "/api/v1/namespaces/ns/pods",
      { labelSelector: "app=vllm,role in (a,b)" },
    ],
    [
      "Service ns/web",
      { kind: "service", namespace: "ns", name: "web" },
      "/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices",
      { labelSelector: "kubernetes.io/service-name=web" },
    ],
    ["AIBrix pods of all namespaces", { kind: "aibrix" }, "/api/v1/pods", { labelSelector: "model.aibrix.ai/name" }],
    [
      "AIBrix pods of namespace ns",
      { kind: "aibrix", namespace: "ns" },
      "/api/v1/namespaces/ns/pods",
      { labelSelector: "model.aibrix.ai/name" },
    ],
    [
      "InferencePool ns/p",
      { kind: "inference-pool", namespace: "ns", name: "p", group: "v1" },
      "/apis/inference.networking.k8s.io/v1/namespaces/ns/inferencepools",
      { fieldSelector: "metadata.name=p" },
    ],
    [
      "InferencePool ns/p",
      { kind: "inference-pool", namespace: "ns", name: "p", group: "x-k8s" },
      "/apis/inference.networking.x-k8s.io/v1alpha2/namespaces/ns/inferencepools",
      { fieldSelector: "metadata.name=p" },
    ],
    [
      "InferencePool ns/p",
      { kind: "inference-pool", namespace: "ns", name: "p", group: "pools.example.com" },
      "/apis/pools.example.com/v1/namespaces/ns/inferencepools",
      { fieldSelector: "metadata.name=p" },
    ],
  ])("%s asks the API for what its configuration means", async (name, config, path, query) => {
    const { api, source } = run(config);
    const request = await api.next();
    expect(source.name).toBe(name);
    expect(source.perishable).toBe(true);
    expect(request.path).toBe(path);
    expect(request.query).toEqual({ ...query, limit: "50" });
    source.stop();
  });

  test("publishes the pods of a selector, and starts no sooner than that", async () => {
    const { api, heard, started, source } = run({ ...selector, ports: [8000, 8001] });
    (await api.next()).list([podObject("b", "10.0.0.2"), podObject("a", "10.0.0.1")]);
    await started;
    expect(heard.log).toEqual(["10.0.0.1:8000 10.0.0.1:8001 10.0.0.2:8000 10.0.0.2:8001"]);
    expect(heard.published[0]?.[0]).toMatchObject({ name: "a-rank-0", uid: "uid-a", labels: { app: "vllm" } });
    source.stop();
  });

  test("starts with a failure too", async () => {
    const { api, heard, started, source } = run(selector);
    (await api.next()).answer(500);
    await started;
    expect(heard.log).toEqual(["fail the Kubernetes API answers 500 for pods in namespace ns"]);
    source.stop();
  });

  test("points at the rights for all namespaces where those are missing", async () => {
    const { api, heard, started, source } = run({ kind: "aibrix" });
    (await api.next()).answer(403, { message: "pods is forbidden" });
    await started;
    expect(heard.log).toEqual([
      "fail pods is forbidden: needs list and watch on pods in all namespaces (see deploy/kubernetes/rbac-all-namespaces.yaml)",
    ]);
    source.stop();
  });

  test("makes a pool of each model of AIBrix, and tells once of a pod that makes no sense", async () => {
    const { api, heard, skipped, started, source } = run({ kind: "aibrix" });
    const bad = podObject("bad", "x", { metadata: { namespace: "other" } });
    (await api.next()).list([aibrixPod("a", "10.0.0.1", "llama"), aibrixPod("b", "10.0.0.2", "qwen"), bad, bad]);
    await started;
    expect(heard.published[0]?.map(({ name, pool }) => `${name} ${pool}`)).toEqual(["a llama", "b qwen"]);
    expect(skipped).toEqual(['pods other/bad: has a podIP that is no address: "x"']);
    source.stop();
  });

  test("fails while a Service has no such port, and publishes when it has", async () => {
    const { api, heard, started, source } = run({ kind: "service", namespace: "ns", name: "web", port: "http" });
    const slice = (port: string) => ({
      metadata: { name: "web-1" },
      ports: [{ name: port, port: 8000 }],
      endpoints: [{ addresses: ["10.0.0.1"] }],
    });
    (await api.next()).list([slice("grpc")]);
    await started;
    expect(heard.log).toEqual(["fail Service ns/web has no port http (it has grpc=8000)"]);
    (await api.next()).open().send(["MODIFIED", slice("http")]);
    await expect.poll(() => heard.addresses).toEqual(["10.0.0.1:8000"]);
    source.stop();
  });

  test.each<[string, KubernetesPodsConfig]>([
    ["selector", selector],
    ["pool", { kind: "inference-pool", namespace: "ns", name: "p", group: "auto" }],
  ])("a %s stopped before it is started asks for nothing", async (_title, config) => {
    const api = new ScriptedApi();
    const source = kubernetesPods(config, { api });
    source.stop();
    await source.start(new HeardEvents());
    expect(api.asked).toEqual([]);
  });

  test("tells nothing after it is stopped", async () => {
    const { api, heard, source } = run(selector);
    (await api.next()).list([]);
    const watch = await api.next();
    watch.open();
    source.stop();
    expect(watch.signal.aborted).toBe(true);
    const told = heard.log.length;
    watch.send(["ADDED", podObject("a", "10.0.0.1")]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard.log).toHaveLength(told);
  });
});

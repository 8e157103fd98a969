import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PodTable } from "../../src/pods/pod-table.ts";
import { findTestKube } from "../support/kube-binary.ts";
import type { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { brisk, FollowedPods, patient } from "./followed-pods.ts";
import { newPool, newPools, oldPool, oldPools } from "./pool-objects.ts";

const kube = await findTestKube();
const app = { app: "vllm" };

let server: KubeServer;
let namespace: KubeNamespace;

const followPool = (group = "auto", name = "pool") =>
  FollowedPods.start(server.kubeconfig(), { kind: "inference-pool", namespace: namespace.name, name, group });
const followSelector = (selector = "app=vllm", ports: readonly number[] = [8000]) =>
  FollowedPods.start(server.kubeconfig(), { kind: "selector", namespace: namespace.name, selector, ports });
const expectPods = (followed: FollowedPods, ...addresses: string[]) =>
  expect.poll(() => followed.addresses, patient).toEqual(addresses);

describe.skipIf(kube.isMissing)(`pods of a real API server${kube.note}`, () => {
  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary });
  });

  afterAll(() => server?.stop());

  beforeEach(async () => {
    namespace = await server.createNamespace();
  });

  // The first test, as the kinds stay.
  test("an InferencePool is found when its kind is installed after the start", async () => {
    const followed = await followPool();
    expect(followed.failures[0]).toMatch(/^InferencePool .* does not exist, as the API serves no .*custom resource/);
    await server.createKind("inference-pool");
    await server.createKind("inference-pool-v1alpha2");
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    await namespace.create(newPool("pool", app));
    await expectPods(followed, "10.0.0.1:8000");
  });

  describe.each([
    ["new", newPools, newPool],
    ["old", oldPools, oldPool],
  ] as const)("an InferencePool of the %s group", (_title, apiVersion, make) => {
    test("comes, changes, goes and comes back", async () => {
      const followed = await followPool();
      expect(followed.failures[0]).toMatch(/^InferencePool test-\w+\/pool does not exist \(group .* or .*\)$/);
      await namespace.createPod("a", { labels: { ...app, role: "a" }, readyAt: "10.0.0.1" });
      await namespace.createPod("b", { labels: { ...app, role: "b" }, readyAt: "10.0.0.2" });
      await namespace.create(make("pool", app));
      await expectPods(followed, "10.0.0.1:8000", "10.0.0.2:8000");
      await expect.poll(() => followed.last, patient).toBe("confirm");

      const pool = namespace.ref("InferencePool", "pool", apiVersion);
      const labels = { role: "b" };
      const isNew = apiVersion === newPools;
      await server.admin.patch(pool, { spec: { selector: isNew ? { matchLabels: labels } : labels } });
      await expectPods(followed, "10.0.0.2:8000");
      await server.admin.patch(pool, {
        spec: isNew ? { targetPorts: [{ number: 9000 }] } : { targetPortNumber: 9000 },
      });
      await expectPods(followed, "10.0.0.2:9000");

      await server.admin.delete(pool);
      await expectPods(followed);
      followed.forget();
      await expect.poll(() => followed.log, patient).toContain("confirm");
      expect(followed.failures).toEqual([]);
      await namespace.create(make("pool", app));
      await expectPods(followed, "10.0.0.1:8000", "10.0.0.2:8000");
    });
  });

  test("an InferencePool in both groups is taken from the new one, and from the old one when that is gone", async () => {
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    await namespace.create(oldPool("pool", app, 9000));
    const followed = await followPool();
    await expectPods(followed, "10.0.0.1:9000");
    await namespace.create(newPool("pool", app));
    await expectPods(followed, "10.0.0.1:8000");
    await server.admin.delete(namespace.ref("InferencePool", "pool", newPools));
    await expectPods(followed, "10.0.0.1:9000");
  });

  test("an InferencePool of several ports gives an endpoint for each that its pods' annotation leaves active", async () => {
    const annotations = { "llm-d.ai/active-ports": "8001,8003" };
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    await namespace.createPod("b", { labels: app, annotations, readyAt: "10.0.0.2" });
    await namespace.create(newPool("pool", app, [8000, 8001]));
    const followed = await followPool("v1");
    await expectPods(followed, "10.0.0.1:8000", "10.0.0.1:8001", "10.0.0.2:8001");
    expect(followed.published.at(-1)?.map(({ name }) => name)).toEqual(["a-rank-0", "a-rank-1", "b-rank-1"]);
  });

  test("an InferencePool of another name, and one of another namespace, are none of its business", async () => {
    const other = await server.createNamespace();
    await namespace.create(newPool("other", app));
    await other.create(newPool("pool", app));
    const followed = await followPool("v1");
    expect(followed.failures[0]).toMatch(/does not exist \(group inference.networking.k8s.io\)$/);
    await namespace.create(newPool("pool", app));
    await expectPods(followed);
  });

  test("a pod joins when it is ready and has an address, and leaves when it is unready", async () => {
    const followed = await followSelector();
    await expectPods(followed);
    await namespace.createPod("a", { labels: app });
    await namespace.createPod("b", { labels: app, readyAt: "10.0.0.2" });
    await expectPods(followed, "10.0.0.2:8000");
    await namespace.markReady("a", "fd00::1");
    await expectPods(followed, "10.0.0.2:8000", "[fd00::1]:8000");
    await namespace.markUnready("b");
    await expectPods(followed, "[fd00::1]:8000");
    await namespace.markReady("b", "10.0.0.2");
    await expectPods(followed, "10.0.0.2:8000", "[fd00::1]:8000");
  });

  test("a pod leaves when it begins to terminate, not when it is gone", async () => {
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    const followed = await followSelector();
    await expectPods(followed, "10.0.0.1:8000");
    await namespace.terminatePod("a");
    await expectPods(followed);
    const { status } = await server.admin.read(namespace.ref("Pod", "a"));
    expect(status).toMatchObject({ podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }, {}] });
  });

  test("a pod that has ended leaves, however ready it says it is", async () => {
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    const followed = await followSelector();
    await expectPods(followed, "10.0.0.1:8000");
    await server.admin.patchStatus(namespace.ref("Pod", "a"), { phase: "Failed" });
    await expectPods(followed);
  });

  test("a pod joins and leaves with its labels, and what else they say is passed on", async () => {
    await namespace.createPod("a", { labels: { app: "other" }, readyAt: "10.0.0.1" });
    const followed = await followSelector("app in (vllm, sglang),!draining");
    await expectPods(followed);
    await namespace.label("a", app);
    await expectPods(followed, "10.0.0.1:8000");
    await namespace.label("a", { zone: "x" });
    await expect.poll(() => followed.published.at(-1)?.[0]?.labels, patient).toEqual({ ...app, zone: "x" });
    await namespace.label("a", { draining: "" });
    await expectPods(followed);
  });

  test("a pod that comes back under the same name and address is another pod", async () => {
    const table = new PodTable();
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    const followed = await followSelector();
    await expectPods(followed, "10.0.0.1:8000");
    const [before] = table.reconcile(followed.published.at(-1) ?? []).joined;
    await namespace.deletePod("a");
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    const uid = () => followed.published.at(-1)?.[0]?.uid;
    const first = followed.published[0]?.[0]?.uid;
    await expect.poll(() => uid() !== undefined && uid() !== first, patient).toBe(true);
    const { joined, left } = table.reconcile(followed.published.at(-1) ?? []);
    expect(left).toEqual([before]);
    expect(joined[0]?.generation).toBeGreaterThan(before?.generation ?? 0);
  });

  test("a selector that the API server does not understand is told with its words", async () => {
    const followed = await followSelector("app in vllm");
    expect(followed.failures[0]).toMatch(/^the Kubernetes API answers 400 for pods in namespace test-\w+: .*parse/);
  });

  test("EndpointSlices of a Service give the endpoints that are ready and stay", async () => {
    await namespace.createEndpointSlice("web", [
      { address: "10.0.0.1", pod: "a" },
      { address: "10.0.0.2", ready: false, pod: "b" },
      { address: "10.0.0.3", terminating: true, pod: "c" },
    ]);
    await namespace.createEndpointSlice("other", [{ address: "10.0.0.9" }]);
    const config = { kind: "service", namespace: namespace.name, name: "web" } as const;
    const followed = await FollowedPods.start(server.kubeconfig(), config);
    await expectPods(followed, "10.0.0.1:80");
    const slice = namespace.ref("EndpointSlice", "web-1", "discovery.k8s.io/v1");
    const endpoints = ["10.0.0.1", "10.0.0.2"].map((address) => ({
      addresses: [address],
      conditions: { ready: true },
    }));
    await server.admin.patch(slice, { endpoints });
    await expectPods(followed, "10.0.0.1:80", "10.0.0.2:80");
    await server.admin.delete(slice);
    await expectPods(followed);
    const named = await FollowedPods.start(server.kubeconfig(), { ...config, name: "other", port: "grpc" });
    expect(named.failures[0]).toMatch(/^Service .*\/other has no port grpc \(it has http=80\)$/);
  });

  test("AIBrix' labels make a pool per model, over all namespaces or in one", async () => {
    const other = await server.createNamespace();
    const named = (model: string, port?: string) => ({
      labels: { "model.aibrix.ai/name": model, ...(port !== undefined && { "model.aibrix.ai/port": port }) },
    });
    await namespace.createPod("a", { ...named("llama"), readyAt: "10.0.0.1" });
    await namespace.createPod("b", { ...named("qwen", "9000"), readyAt: "10.0.0.2" });
    await other.createPod("c", { ...named("llama"), readyAt: "10.0.0.3" });
    await other.createPod("d", { labels: app, readyAt: "10.0.0.4" });
    const all = await FollowedPods.start(server.kubeconfig(), { kind: "aibrix" });
    await expectPods(all, "10.0.0.1:8000", "10.0.0.2:9000", "10.0.0.3:8000");
    expect(all.published.at(-1)?.map(({ pool }) => pool)).toEqual(["llama", "qwen", "llama"]);
    const one = await FollowedPods.start(server.kubeconfig(), { kind: "aibrix", namespace: namespace.name });
    await expectPods(one, "10.0.0.1:8000", "10.0.0.2:9000");
  });

  test("a set of more than a page is whole", async () => {
    const names = Array.from({ length: 7 }, (_, i) => `pod-${i}`);
    await Promise.all(names.map((name, i) => namespace.createPod(name, { labels: app, readyAt: `10.0.0.${i}` })));
    const config = { kind: "selector", namespace: namespace.name, selector: "app", ports: [80] } as const;
    const followed = await FollowedPods.start(server.kubeconfig(), config, { ...brisk, pageSize: 3 });
    expect(followed.published[0]?.map(({ name }) => name)).toEqual(names);
  });
});

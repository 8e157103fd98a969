import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { InferencePool } from "../../../../src/discovery/kubernetes/inference-pool.ts";
import { kubernetesPods } from "../../../../src/discovery/kubernetes/kubernetes-pods.ts";
import { HeardEvents } from "../../../support/heard-events.ts";
import { type ApiRequest, podObject, ScriptedApi } from "./scripted-api.ts";

const newGroup = "/apis/inference.networking.k8s.io/v1/namespaces/ns/inferencepools";
const oldGroup = "/apis/inference.networking.x-k8s.io/v1alpha2/namespaces/ns/inferencepools";
const podsPath = "/pods";

const pool = (spec: object = {}) => ({
  metadata: { name: "p", namespace: "ns", resourceVersion: "3" },
  spec: { selector: { matchLabels: { app: "vllm" } }, targetPorts: [{ number: 8000 }], ...spec },
});
const oldPool = {
  metadata: { name: "p", namespace: "ns" },
  spec: { selector: { app: "old" }, targetPortNumber: 9000 },
};
const withoutSelector = pool({ selector: {} });

function run(group = "auto") {
  const api = new ScriptedApi();
  const heard = new HeardEvents();
  const pools: (InferencePool | undefined)[] = [];
  const source = kubernetesPods(
    { kind: "inference-pool", namespace: "ns", name: "p", group, onPool: (each) => void pools.push(each) },
    { api, options: { random: () => 0 } },
  );
  const started = source.start(heard);
  const listed = async (path: string, ...objects: object[]): Promise<ApiRequest> => {
    (await api.next(path)).list(objects as Record<string, unknown>[]);
    const watch = (await api.next(path)).open();
    await settle();
    return watch;
  };
  return { api, heard, pools, source, started, listed };
}

const settle = () => vi.advanceTimersByTimeAsync(1);

describe("PoolPods", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("publishes the pods of the pool's selector under the pool's ports, and confirms", async () => {
    const { api, heard, pools, listed, started } = run("v1");
    await listed(newGroup, pool({ targetPorts: [{ number: 8000 }, { number: 8001 }] }));
    const request = await api.next(podsPath);
    expect(request.path).toBe("/api/v1/namespaces/ns/pods");
    expect(request.query["labelSelector"]).toBe("app=vllm");
    expect(heard.log).toEqual([]);
    request.list([podObject("a", "10.0.0.1")]);
    await started;
    expect(heard.log).toEqual(["10.0.0.1:8000 10.0.0.1:8001"]);
    (await api.next(podsPath)).open();
    await settle();
    expect(heard.log.slice(1)).toEqual(["confirm"]);
    expect(pools).toMatchObject([{ name: "p", group: "inference.networking.k8s.io", ports: [8000, 8001] }]);
  });

  test("takes new ports at once, and lists pods anew for another selector while the old set stays", async () => {
    const { api, heard, pools, listed } = run("v1");
    const poolWatch = await listed(newGroup, pool());
    const podWatch = await listed(podsPath, podObject("a", "10.0.0.1"));
    poolWatch.send(["MODIFIED", pool({ targetPorts: [{ number: 9000 }] })]);
    await settle();
    expect(heard.last).toBe("10.0.0.1:9000");
    const told = heard.log.length;
    poolWatch.send(["MODIFIED", pool({ selector: { matchLabels: { app: "b" } } })]);
    const request = await api.next(podsPath);
    expect(podWatch.signal.aborted).toBe(true);
    expect(request.query["labelSelector"]).toBe("app=b");
    expect(heard.log).toHaveLength(told);
    request.list([podObject("b", "10.0.0.2")]);
    await settle();
    expect(heard.last).toBe("10.0.0.2:8000");
    expect(pools.map((each) => each?.selector)).toEqual(["app=vllm", "app=vllm", "app=b"]);
  });

  test("publishes nobody when the pool is deleted, confirms that, and comes back with it", async () => {
    const { heard, pools, listed } = run("v1");
    const poolWatch = await listed(newGroup, pool());
    const podWatch = await listed(podsPath, podObject("a", "10.0.0.1"));
    poolWatch.send(["DELETED", pool()]);
    await settle();
    expect(heard.last).toBe("nobody");
    expect(podWatch.signal.aborted).toBe(true);
    poolWatch.send(["BOOKMARK", { metadata: { resourceVersion: "9" } }]);
    await settle();
    expect(heard.last).toBe("confirm");
    poolWatch.send(["ADDED", pool()]);
    await listed(podsPath, podObject("b", "10.0.0.2"));
    expect(heard.addresses).toEqual(["10.0.0.2:8000"]);
    expect(pools.map((each) => each?.name)).toEqual(["p", undefined, "p"]);
  });

  test("fails while the pool does not exist, and finds it when it comes", async () => {
    const { heard, listed, started } = run("v1");
    const poolWatch = await listed(newGroup);
    await started;
    const problem = "fail InferencePool ns/p does not exist (group inference.networking.k8s.io)";
    expect(new Set(heard.log)).toEqual(new Set([problem]));
    poolWatch.send(["ADDED", pool()]);
    await listed(podsPath);
    expect(heard.log.slice(-2)).toEqual(["nobody", "confirm"]);
  });

  test("auto waits for both groups before it says that there is no pool", async () => {
    const { api, heard, listed } = run();
    await listed(newGroup);
    expect(heard.log).toEqual([]);
    (await api.next(oldGroup)).answer(404);
    await settle();
    expect(heard.last).toBe("fail InferencePool ns/p does not exist (group inference.networking.k8s.io)");
  });

  test("auto names both groups where both might have it", async () => {
    const { heard, listed } = run();
    await listed(newGroup);
    await listed(oldGroup);
    expect(heard.last).toBe(
      "fail InferencePool ns/p does not exist (group inference.networking.k8s.io or inference.networking.x-k8s.io)",
    );
  });

  test.each<[string, (request: ApiRequest) => void]>([
    ["is absent", (request) => request.answer(404)],
    ["is refused", (request) => request.answer(403)],
    ["has no such pool", (request) => request.list([])],
  ])("auto takes the old group when the new one %s", async (_title, answer) => {
    const { api, heard, listed } = run();
    answer(await api.next(newGroup));
    await listed(oldGroup, oldPool);
    await listed(podsPath, podObject("a", "10.0.0.1"));
    expect(heard.log).toEqual(["10.0.0.1:9000", "confirm"]);
    expect(api.asked.at(-1)?.query["labelSelector"]).toBe("app=old");
  });

  test("auto moves to the new group when the pool appears there, and back when it goes", async () => {
    const { heard, listed } = run();
    const newWatch = await listed(newGroup);
    await listed(oldGroup, oldPool);
    await listed(podsPath, podObject("a", "10.0.0.1"));
    newWatch.send(["ADDED", pool()]);
    await listed(podsPath, podObject("b", "10.0.0.2"));
    expect(heard.addresses).toEqual(["10.0.0.2:8000"]);
    newWatch.send(["DELETED", pool()]);
    await listed(podsPath, podObject("a", "10.0.0.1"));
    expect(heard.addresses).toEqual(["10.0.0.1:9000"]);
  });

  test("finds a group that appears later", async () => {
    const { api, heard, listed } = run();
    (await api.next(newGroup)).answer(404);
    (await api.next(oldGroup)).answer(404);
    await settle();
    expect(heard.last).toBe(
      "fail InferencePool ns/p does not exist, as the API serves no inferencepools.inference.networking.k8s.io and no " +
        "inferencepools.inference.networking.x-k8s.io (is the custom resource installed?)",
    );
    await listed(newGroup, pool());
    await listed(podsPath, podObject("a", "10.0.0.1"));
    expect(heard.addresses).toEqual(["10.0.0.1:8000"]);
  });

  test("names the right that is missing where no group may be read", async () => {
    const { api, heard } = run();
    (await api.next(newGroup)).answer(404);
    (await api.next(oldGroup)).answer(403, { message: "inferencepools is forbidden" });
    await settle();
    expect(heard.last).toBe(
      "fail inferencepools is forbidden: needs list and watch on inferencepools.inference.networking.x-k8s.io in " +
        "namespace ns (see deploy/kubernetes/rbac.yaml)",
    );
  });

  test("keeps the pods and fails when its group is gone of a sudden, as the API may hide it for a moment", async () => {
    const { api, heard, listed } = run("v1");
    const poolWatch = await listed(newGroup, pool());
    const podWatch = await listed(podsPath, podObject("a", "10.0.0.1"));
    poolWatch.fail("reset");
    await settle();
    (await api.next(newGroup)).answer(404);
    await settle();
    expect(heard.last).toMatch(/^fail the Kubernetes API has no/);
    expect(heard.addresses).toEqual(["10.0.0.1:8000"]);
    podWatch.send(["DELETED", podObject("a", "10.0.0.1")]);
    await settle();
    // Pods leave even then; the problem stays told.
    expect(heard.log.slice(-2)).toEqual(["nobody", expect.stringMatching(/^fail/)]);
  });

  test("confirms nothing while the pool cannot be watched, and again when it can", async () => {
    const { api, heard, listed } = run("v1");
    const poolWatch = await listed(newGroup, pool());
    const podWatch = await listed(podsPath, podObject("a", "10.0.0.1"));
    poolWatch.fail("reset");
    await settle();
    podWatch.send(["BOOKMARK", { metadata: {} }]);
    await settle();
    expect(heard.last).toMatch(/^fail cannot ask the Kubernetes API for inferencepools.* reset$/);
    (await api.next(newGroup)).list([pool()]);
    const again = await api.next(newGroup);
    expect(heard.last).toMatch(/^fail/);
    again.open();
    await settle();
    expect(heard.last).toBe("confirm");
  });

  test("heeds no heartbeat of a group that does not have the pool", async () => {
    const { heard, listed } = run();
    await listed(newGroup, pool());
    const oldWatch = await listed(oldGroup);
    await listed(podsPath, podObject("a", "10.0.0.1"));
    const told = heard.log.length;
    oldWatch.send(["BOOKMARK", { metadata: {} }]);
    await settle();
    oldWatch.fail("reset");
    await settle();
    expect(heard.log).toHaveLength(told);
  });

  test("fails for a pool that makes no sense, and keeps the set of the one before", async () => {
    const { heard, listed } = run("v1");
    const poolWatch = await listed(newGroup, pool());
    await listed(podsPath, podObject("a", "10.0.0.1"));
    poolWatch.send(["MODIFIED", withoutSelector]);
    await settle();
    expect(heard.last).toBe("fail InferencePool ns/p has a selector without labels");
    expect(heard.addresses).toEqual(["10.0.0.1:8000"]);
    poolWatch.send(["DELETED", withoutSelector]);
    await settle();
    expect(heard.addresses).toEqual([]);
  });

  test("fails for a pool that made no sense from the start, and follows it when it does", async () => {
    const { heard, listed } = run("v1");
    const poolWatch = await listed(newGroup, withoutSelector);
    expect(heard.last).toBe("fail InferencePool ns/p has a selector without labels");
    poolWatch.send(["MODIFIED", pool()]);
    await listed(podsPath, podObject("a", "10.0.0.1"));
    expect(heard.addresses).toEqual(["10.0.0.1:8000"]);
  });

  test("fails when its pods cannot be listed", async () => {
    const { api, heard, listed, started } = run("v1");
    await listed(newGroup, pool());
    (await api.next(podsPath)).answer(403, { message: "pods is forbidden" });
    await started;
    expect(heard.log).toEqual([
      "fail pods is forbidden: needs list and watch on pods in namespace ns (see deploy/kubernetes/rbac.yaml)",
    ]);
  });

  test("tells of a network problem before anything else where no group has answered", async () => {
    const { api, heard, listed } = run();
    await listed(oldGroup);
    (await api.next(newGroup)).fail("reset");
    await settle();
    expect(heard.last).toMatch(/^fail cannot ask the Kubernetes API for inferencepools.inference.networking.k8s.io/);
  });

  test("ends every request and timer when stopped", async () => {
    const { api, heard, source, listed } = run();
    await listed(newGroup, pool());
    await listed(oldGroup);
    await listed(podsPath, podObject("a", "10.0.0.1"));
    source.stop();
    const told = heard.log.length;
    await settle();
    expect(api.asked.filter(({ signal }) => !signal.aborted)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    expect(heard.log).toHaveLength(told);
  });
});

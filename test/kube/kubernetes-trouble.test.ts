import { copyFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type Api, KubernetesApi } from "../../src/discovery/kubernetes/kubernetes-api.ts";
import { findTestKube } from "../support/kube-binary.ts";
import { KubeHttpRelay } from "../support/kube-http-relay.ts";
import type { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeRelay } from "../support/kube-relay.ts";
import { KubeServer } from "../support/kube-server.ts";
import { brisk, FollowedPods, patient } from "./followed-pods.ts";
import { newPool } from "./pool-objects.ts";

const kube = await findTestKube();
const app = { app: "vllm" };

let server: KubeServer;
let namespace: KubeNamespace;

const selector = () => ({ kind: "selector", namespace: namespace.name, selector: "app=vllm", ports: [8000] }) as const;
const pool = () => ({ kind: "inference-pool", namespace: namespace.name, name: "pool", group: "auto" }) as const;
const expectPods = (followed: FollowedPods, ...addresses: string[]) =>
  expect.poll(() => followed.addresses, patient).toEqual(addresses);
const expectFailure = (followed: FollowedPods, problem: RegExp) =>
  expect.poll(() => followed.failures.at(-1) ?? "", patient).toMatch(problem);

async function tcpRelay() {
  const relay = await KubeRelay.start(server);
  onTestFinished(() => relay.close());
  return { relay, kubeconfig: await server.writeKubeconfig({ server: relay.url }) };
}

async function httpRelay() {
  const relay = await KubeHttpRelay.start(server);
  onTestFinished(() => relay.close());
  return { relay, kubeconfig: await server.writeKubeconfig({ server: relay.url }) };
}

describe.skipIf(kube.isMissing)(`pods of an API server in trouble${kube.note}`, () => {
  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary });
    await server.createKind("inference-pool");
  });

  afterAll(() => server?.stop());

  beforeEach(async () => {
    namespace = await server.createNamespace();
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    await namespace.createPod("b", { labels: app, readyAt: "10.0.0.2" });
    await namespace.create(newPool("pool", app));
  });

  test.each(["SIGKILL", "SIGTERM"] as const)(
    "the set stays through %s and a restart, and is followed again",
    async (signal) => {
      const all = await Promise.all([selector(), pool()].map((each) => FollowedPods.start(server.kubeconfig(), each)));
      for (const followed of all) await expectPods(followed, "10.0.0.1:8000", "10.0.0.2:8000");
      await server.kill(signal);
      for (const followed of all) await expectFailure(followed, /^cannot ask the Kubernetes API for .*ECONNREFUSED/);
      await server.restart();
      for (const followed of all) followed.forget();
      for (const followed of all) await expect.poll(() => followed.last, patient).toBe("confirm");
      for (const followed of all) expect(followed.published).toHaveLength(1);
      await namespace.deletePod("a");
      for (const followed of all) await expectPods(followed, "10.0.0.2:8000");
    },
  );

  test("starts without an API server, and publishes when there is one", async () => {
    await server.kill();
    const followed = await FollowedPods.start(server.kubeconfig(), selector());
    expect(followed.failures[0]).toMatch(/^cannot ask the Kubernetes API for pods in namespace .*ECONNREFUSED/);
    await server.restart();
    await expectPods(followed, "10.0.0.1:8000", "10.0.0.2:8000");
  });

  test("a watch that is cut in its midst is told, and what was missed is found", async () => {
    const { relay, kubeconfig } = await tcpRelay();
    const followed = await FollowedPods.start(kubeconfig, selector(), { watchSeconds: 60 });
    await expect.poll(() => followed.last, patient).toBe("confirm");
    relay.cut();
    await namespace.deletePod("a");
    await expectPods(followed, "10.0.0.2:8000");
    expect(followed.failures).toHaveLength(1);
  });

  test("a watch that falls silent is noticed and told, and what was missed is found", async () => {
    const { relay, kubeconfig } = await tcpRelay();
    const followed = await FollowedPods.start(kubeconfig, pool());
    await expect.poll(() => followed.last, patient).toBe("confirm");
    relay.hang();
    await namespace.deletePod("a");
    await expectFailure(followed, /^the Kubernetes API has fallen silent about .*: no end within \d+ s$/);
    expect(followed.addresses).toEqual(["10.0.0.1:8000", "10.0.0.2:8000"]);
    relay.resume();
    await expectPods(followed, "10.0.0.2:8000");
  });

  test("a DELETED that nobody passed on is found by the next list", async () => {
    const { relay, kubeconfig } = await httpRelay();
    const followed = await FollowedPods.start(kubeconfig, selector(), { ...brisk, relistMs: 8_000 });
    await expect.poll(() => followed.last, patient).toBe("confirm");
    // Before the pod is gone it is terminating for a moment.
    relay.dropEvents(({ object }) => object.metadata.name === "a");
    await namespace.deletePod("a");
    await expect.poll(() => relay.dropped, patient).toBeGreaterThan(0);
    const pods = () => relay.requests.filter(({ path }) => path.includes("/pods?"));
    const lists = () => pods().filter(({ isWatch }) => !isWatch);
    expect(followed.addresses).toEqual(["10.0.0.1:8000", "10.0.0.2:8000"]);
    await expectPods(followed, "10.0.0.2:8000");
    expect(lists()).toHaveLength(2);
    expect(followed.failures).toEqual([]);
  });

  test("an expired version is no failure: the list is made anew", async () => {
    const { relay, kubeconfig } = await httpRelay();
    const followed = await FollowedPods.start(kubeconfig, selector());
    await expect.poll(() => followed.last, patient).toBe("confirm");
    const lists = () => relay.requests.filter(({ isWatch }) => !isWatch).length;
    relay.expireWatches();
    await expect.poll(lists, patient).toBe(2);
    relay.answerNext(1, 410, ({ isWatch }) => isWatch);
    relay.endWatches();
    await expect.poll(lists, patient).toBeGreaterThan(2);
    await namespace.deletePod("a");
    await expectPods(followed, "10.0.0.2:8000");
    expect(followed.failures).toEqual([]);
  });

  test("a version that the server itself has forgotten is no failure either", async () => {
    const api = new KubernetesApi({ kubeconfig: server.kubeconfig() });
    const asked: string[] = [];
    // The first watch goes on from the very first version, of which a restarted server knows nothing any more.
    const forgetful: Api = {
      get(path, query, signal) {
        const isFirstWatch = query["watch"] !== undefined && !asked.includes("watch");
        asked.push(query["watch"] === undefined ? "list" : "watch");
        return api.get(path, isFirstWatch ? { ...query, resourceVersion: "1" } : query, signal);
      },
      renew: (olderThanMs) => api.renew(olderThanMs),
    };
    await server.restart();
    const followed = await FollowedPods.start(forgetful, selector());
    await expect.poll(() => asked.slice(0, 4), patient).toEqual(["list", "watch", "list", "watch"]);
    await namespace.deletePod("a");
    await expectPods(followed, "10.0.0.2:8000");
    expect(followed.failures).toEqual([]);
  });

  test("each watch has a connection of its own, so that one that hangs takes no other with it", async () => {
    const { relay, kubeconfig } = await tcpRelay();
    const api = new KubernetesApi({ kubeconfig });
    const all = await Promise.all([1, 2, 3].map(() => FollowedPods.start(api, selector(), { watchSeconds: 60 })));
    for (const followed of all) await expect.poll(() => followed.last, patient).toBe("confirm");
    expect(relay.connections).toBeGreaterThanOrEqual(3);
  });

  test("clean ends of watches are no reason to list anew, and confirm", async () => {
    const { relay, kubeconfig } = await httpRelay();
    const followed = await FollowedPods.start(kubeconfig, selector(), { ...brisk, watchSeconds: 1 });
    await expect.poll(() => relay.requests.filter(({ isWatch }) => isWatch).length, patient).toBeGreaterThan(4);
    expect(relay.requests.filter(({ isWatch }) => !isWatch)).toHaveLength(1);
    expect(followed.log.slice(1).every((line) => line === "confirm")).toBe(true);
    await namespace.deletePod("a");
    await expectPods(followed, "10.0.0.2:8000");
  });

  test.each([401, 403, 429, 500, 503])("answers of %i heal by themselves, and the set stays", async (status) => {
    const { relay, kubeconfig } = await httpRelay();
    const followed = await FollowedPods.start(kubeconfig, selector());
    await expect.poll(() => followed.last, patient).toBe("confirm");
    relay.answerNext(3, status);
    relay.endWatches();
    await expect.poll(() => followed.failures.length, patient).toBe(3);
    expect(followed.failures[0]).toMatch(status < 404 ? /credentials|made up: Forbidden/ : String(status));
    expect(followed.published).toHaveLength(1);
    await namespace.deletePod("a");
    await expectPods(followed, "10.0.0.2:8000");
  });

  test("credentials that were no good are read anew when they change", async () => {
    const token = await namespace.createServiceAccount("reader");
    await namespace.createRole("reader", [{ resources: ["pods"], verbs: ["list", "watch"] }]);
    await namespace.bindRole("reader", { serviceAccount: "reader" });
    const kubeconfig = await server.writeKubeconfig({ token: "nonsense" });
    const followed = await FollowedPods.start(kubeconfig, selector());
    expect(followed.failures[0]).toMatch(/^the Kubernetes API does not accept the credentials \(401\) for pods in/);
    await copyFile(await server.writeKubeconfig({ token }), kubeconfig);
    await expectPods(followed, "10.0.0.1:8000", "10.0.0.2:8000");
  });
});

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findTestKube } from "../support/kube-binary.ts";
import { KubeClient, type KubeObject } from "../support/kube-client.ts";
import type { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { markOf, survivors } from "../support/process-tree.ts";

const kube = await findTestKube();

const stable = "inference.networking.k8s.io/v1";
const experimental = "inference.networking.x-k8s.io/v1alpha2";

const picker = { name: "picker", port: { number: 9002 } };
const poolSpec = {
  selector: { matchLabels: { app: "llm" } },
  targetPorts: [{ number: 8000 }],
  endpointPickerRef: picker,
};
const poolOf = (spec: object): KubeObject => ({
  apiVersion: stable,
  kind: "InferencePool",
  metadata: { name: "pool" },
  spec,
});

describe.skipIf(kube.isMissing)(`a real API server${kube.note}`, () => {
  let server: KubeServer;
  let namespace: KubeNamespace;

  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary, users: ["reader", "member:team,others"] });
    await server.createKind("inference-pool");
    await server.createKind("inference-pool-v1alpha2");
  });

  afterAll(() => server?.stop());

  beforeEach(async () => {
    namespace = await server.createNamespace();
  });

  test("is the release that it says it is", async () => {
    const { body } = await server.admin.ask("GET", "/version");
    expect(body["gitVersion"]).toMatch(/^v1\.\d+\.\d+$/);
    expect(body["minor"]).toMatch(/^\d+$/);
  });

  test("knows users and their groups by the certificate of their kubeconfig", async () => {
    const member = new KubeClient(server.kubeconfig("member"));
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview", metadata: {} };
    const { status } = await member.create(review);
    expect(status).toMatchObject({
      userInfo: { username: "member", groups: expect.arrayContaining(["team", "others"]) },
    });
    await member.close();
    expect(() => server.kubeconfig("nobody")).toThrow("no user nobody: there are admin, member, reader");
  });

  describe("and InferencePools", () => {
    test("fills in the defaults of the stable group", async () => {
      const { spec } = await namespace.create(poolOf(poolSpec));
      expect(spec).toEqual({
        ...poolSpec,
        appProtocol: "http",
        endpointPickerRef: { ...picker, group: "", kind: "Service", failureMode: "FailClose" },
      });
    });

    test("fills in the defaults of the experimental group", async () => {
      const given = { selector: { app: "llm" }, targetPortNumber: 8000, extensionRef: { name: "picker" } };
      const { spec } = await namespace.create({ ...poolOf(given), apiVersion: experimental });
      expect(spec).toEqual({
        ...given,
        extensionRef: { name: "picker", group: "", kind: "Service", failureMode: "FailClose" },
      });
    });

    test.each([
      ["a port twice", { targetPorts: [{ number: 1 }, { number: 1 }] }, "each port may be listed once"],
      ["nine ports", { targetPorts: Array.from({ length: 9 }, (_, at) => ({ number: at + 1 })) }, "at most 8 items"],
      ["no port", { targetPorts: [] }, "at least 1 items"],
      ["a port beyond the last", { targetPorts: [{ number: 65_536 }] }, "less than or equal to 65535"],
      ["a Service without a port", { endpointPickerRef: { name: "picker" } }, "a Service needs a port"],
      ["an unknown failure mode", { endpointPickerRef: { ...picker, failureMode: "Open" } }, "failureMode"],
      ["an unknown protocol", { appProtocol: "grpc" }, "appProtocol"],
      ["no selector", { selector: undefined }, "spec.selector: Required value"],
    ])("refuses %s", async (_what, change, message) => {
      const refused = namespace.create(poolOf({ ...poolSpec, ...change }));
      await expect(refused).rejects.toMatchObject({ status: 422, message: expect.stringContaining(message) });
    });

    test("takes a picker of another kind without a port", async () => {
      const other = { kind: "Sidecar", name: "picker" };
      const { spec } = await namespace.create(poolOf({ ...poolSpec, endpointPickerRef: other }));
      expect(spec).toMatchObject({ endpointPickerRef: other });
    });

    test("keeps status and spec apart", async () => {
      const pool = await namespace.create(poolOf(poolSpec));
      const parents = [{ parentRef: { name: "gateway" } }];
      await server.admin.patchStatus(pool, { parents });
      const port = [{ number: 9000 }];
      const changed = await server.admin.patch(pool, { spec: { targetPorts: port }, status: { parents: [] } });
      expect(changed).toMatchObject({ spec: { targetPorts: port }, status: { parents } });
    });

    test("applies an object whether it is there or not", async () => {
      const pool = { ...poolOf(poolSpec), metadata: { name: "pool", namespace: namespace.name } };
      await server.admin.apply(pool);
      const again = await server.admin.apply({ ...pool, spec: { ...poolSpec, appProtocol: "kubernetes.io/h2c" } });
      expect(again["spec"]).toMatchObject({ appProtocol: "kubernetes.io/h2c" });
    });
  });

  describe("and pods", () => {
    const read = (name: string) => server.admin.read(namespace.ref("Pod", name));
    const readiness = (status: "True" | "False") =>
      expect.arrayContaining([expect.objectContaining({ type: "Ready", status })]);

    test("has them without an address, then ready, then unready", async () => {
      const created = await namespace.createPod("one", { labels: { app: "llm" } });
      expect(created).toMatchObject({ metadata: { labels: { app: "llm" } }, status: { phase: "Pending" } });
      expect(created["status"]).not.toHaveProperty("podIP");
      await namespace.markReady("one", "10.0.0.1");
      expect(await read("one")).toMatchObject({ status: { podIP: "10.0.0.1", conditions: readiness("True") } });
      await namespace.markUnready("one");
      expect(await read("one")).toMatchObject({ status: { podIP: "10.0.0.1", conditions: readiness("False") } });
    });

    test("has them ready from the start, and changes their labels", async () => {
      await namespace.createPod("one", { labels: { app: "llm", tier: "a" }, readyAt: "10.0.0.2" });
      await namespace.label("one", { tier: null, zone: "b" });
      const { metadata, status } = await read("one");
      expect(metadata["labels"]).toEqual({ app: "llm", zone: "b" });
      expect(status).toMatchObject({ podIP: "10.0.0.2", conditions: readiness("True") });
    });

    test("keeps a terminating one until it is deleted", async () => {
      await namespace.createPod("one", { readyAt: "10.0.0.3" });
      await namespace.terminatePod("one");
      expect(await read("one")).toMatchObject({
        metadata: { deletionTimestamp: expect.any(String) },
        status: { conditions: readiness("True") },
      });
      await namespace.deletePod("one");
      await expect(read("one")).rejects.toMatchObject({ status: 404 });
    });

    test("drops one without a node as soon as it is to terminate", async () => {
      await namespace.createPod("one", { node: undefined });
      await namespace.terminatePod("one");
      await expect(read("one")).rejects.toMatchObject({ status: 404 });
    });

    test("has services and their endpoints", async () => {
      const service = await namespace.createService("llm", { selector: { app: "llm" }, port: 8000, headless: true });
      expect(service["spec"]).toMatchObject({ clusterIP: "None", ports: [{ port: 8000 }] });
      const slice = await namespace.createEndpointSlice("llm", [
        { address: "10.0.0.4" },
        { address: "10.0.0.5", ready: false },
      ]);
      expect(slice["endpoints"]).toMatchObject([{ conditions: { ready: true } }, { conditions: { ready: false } }]);
    });
  });

  describe("and rights", () => {
    const podsOf = (where: KubeNamespace) => `/api/v1/namespaces/${where.name}/pods`;
    const statusOf = async (client: KubeClient, path: string) => (await client.ask("GET", path)).status;

    /** Only the verbs of the role, only in its namespace. */
    async function expectToList(client: KubeClient): Promise<void> {
      await expect.poll(() => statusOf(client, podsOf(namespace)), { timeout: 10_000, interval: 20 }).toBe(200);
      expect(await statusOf(client, `${podsOf(namespace)}/one`)).toBe(403);
      expect(await statusOf(client, `${podsOf(namespace)}?watch=true&timeoutSeconds=1`)).toBe(403);
      expect(await statusOf(client, podsOf(await server.createNamespace()))).toBe(403);
      await client.close();
    }

    test("refuses a user until a role is bound to it", async () => {
      const reader = new KubeClient(server.kubeconfig("reader"));
      expect(await statusOf(reader, podsOf(namespace))).toBe(403);
      await namespace.createRole("list-pods", [{ resources: ["pods"], verbs: ["list"] }]);
      await namespace.bindRole("list-pods", { user: "reader" });
      await expectToList(reader);
    });

    test("knows a service account by its token, and refuses a wrong one", async () => {
      const token = await namespace.createServiceAccount("picker");
      const account = new KubeClient(await server.writeKubeconfig({ token }));
      expect(await statusOf(account, podsOf(namespace))).toBe(403);
      await namespace.createRole("list-pods", [{ resources: ["pods"], verbs: ["list"] }]);
      await namespace.bindRole("list-pods", { serviceAccount: "picker" });
      await expectToList(account);
      const stranger = new KubeClient(await server.writeKubeconfig({ token: `${token}x` }));
      expect(await statusOf(stranger, podsOf(namespace))).toBe(401);
      await stranger.close();
    });
  });

  describe("that is killed and started again", () => {
    test("has its data, and forgets the versions before", async () => {
      await namespace.createPod("one", { readyAt: "10.0.0.6" });
      const mark = markOf(server.pid);
      await server.kill();
      expect(await survivors(mark === undefined ? [] : [mark], 0)).toEqual([]);
      await expect(server.admin.ask("GET", "/version")).rejects.toThrow("ECONNREFUSED");
      await server.restart();
      expect(await server.admin.read(namespace.ref("Pod", "one"))).toMatchObject({ status: { podIP: "10.0.0.6" } });
      const { body } = await server.admin.ask("GET", "/api/v1/pods?watch=true&resourceVersion=1&timeoutSeconds=5");
      expect(body).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
    });

    test("knows its users and kinds as before", async () => {
      const files = ["admin", "reader"].map((user) => server.kubeconfig(user));
      await server.restart();
      const clients = files.map((file) => new KubeClient(file));
      const ask = () => Promise.all(clients.map(statusOf));
      await expect.poll(ask, { timeout: 30_000, interval: 20 }).toEqual([200, 403]);
      await Promise.all(clients.map((client) => client.close()));
    });

    const statusOf = async (client: KubeClient) => (await client.ask("GET", `/apis/${stable}/inferencepools`)).status;
  });
});

describe.skipIf(kube.isMissing)(`KubeServer${kube.note}`, () => {
  test("says what the server said if that does not start", async () => {
    const started = KubeServer.start({ binary: kube.binary, args: ["--no-such-flag"] });
    await expect(started).rejects.toThrow("unknown flag: --no-such-flag");
  });

  test("leaves no server behind when the test process is killed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pointsman-kube-orphan-"));
    const module = fileURLToPath(new URL("../support/kube-server.ts", import.meta.url));
    const script = `
      const { KubeServer } = await import(${JSON.stringify(module)});
      const server = await KubeServer.start({ binary: ${JSON.stringify(kube.binary)} });
      console.log(server.pid);
      setInterval(() => undefined, 1e6);
    `;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface(parent.stdout);
    const pid = await new Promise<number>((resolve) => lines.once("line", (line) => resolve(Number(line))));
    const mark = markOf(pid);
    parent.kill("SIGKILL");
    expect(mark).toBeDefined();
    expect(await survivors(mark === undefined ? [] : [mark])).toEqual([]);
    await rm(folder, { recursive: true, force: true });
  });
});

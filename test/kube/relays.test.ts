import { KubeConfig, Watch } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findTestKube } from "../support/kube-binary.ts";
import { KubeClient, type KubeObject } from "../support/kube-client.ts";
import { KubeHttpRelay } from "../support/kube-http-relay.ts";
import type { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeRelay } from "../support/kube-relay.ts";
import { KubeServer } from "../support/kube-server.ts";

const kube = await findTestKube();

let server: KubeServer;
let namespace: KubeNamespace;
const watchers: Watcher[] = [];

/** Follows the pods of the namespace with the client that the picker uses. */
class Watcher {
  readonly seen: string[] = [];
  readonly config = new KubeConfig();
  /** Resolves with what the client was told: nothing, where the server ended the watch properly. */
  readonly ended: Promise<unknown>;
  readonly #end = Promise.withResolvers<unknown>();
  #controller: AbortController | undefined;

  constructor(kubeconfig: string) {
    this.config.loadFromFile(kubeconfig);
    this.ended = this.#end.promise;
  }

  async start(query: Readonly<Record<string, string>> = {}): Promise<this> {
    const note = (type: string, object: KubeObject) =>
      this.seen.push(`${type} ${object.metadata.name ?? object["code"]}`);
    const path = `/api/v1/namespaces/${namespace.name}/pods`;
    this.#controller = await new Watch(this.config).watch(path, query, note, this.#end.resolve);
    watchers.push(this);
    return this;
  }

  stop(): void {
    this.#controller?.abort();
  }
}

const watchThrough = async (relay: { readonly url: string }) =>
  new Watcher(await server.writeKubeconfig({ server: relay.url })).start();
const patient = { timeout: 10_000, interval: 10 };
const expectSeen = (watcher: Watcher) => expect.poll(() => watcher.seen, patient);

describe.skipIf(kube.isMissing)(`between a client and the API server${kube.note}`, () => {
  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary, users: ["reader"] });
  });

  afterAll(() => server?.stop());

  beforeEach(async () => {
    namespace = await server.createNamespace();
    await namespace.createPod("one");
  });

  afterEach(() => {
    for (const watcher of watchers.splice(0)) watcher.stop();
  });

  describe("KubeRelay", () => {
    let relay: KubeRelay;

    beforeEach(async () => {
      relay = await KubeRelay.start(server);
    });

    afterEach(() => relay.close());

    test("cuts what is open, and lets new connections through", async () => {
      const first = await watchThrough(relay);
      await expectSeen(first).toEqual(["ADDED one"]);
      expect(relay.connections).toBeGreaterThan(0);
      relay.cut();
      expect(await first.ended).toBeInstanceOf(Error);
      const second = await watchThrough(relay);
      await expectSeen(second).toEqual(["ADDED one"]);
    });

    test("holds back what the server says until it resumes, on old connections and on new ones", async () => {
      const old = await watchThrough(relay);
      await expectSeen(old).toEqual(["ADDED one"]);
      relay.hang();
      await namespace.createPod("two");
      const starting = watchThrough(relay);
      // The same events by another way: they are out.
      const direct = await new Watcher(server.kubeconfig()).start();
      await expectSeen(direct).toHaveLength(2);
      await expect.poll(() => relay.connections, patient).toBeGreaterThan(1);
      expect(old.seen).toEqual(["ADDED one"]);
      relay.resume();
      await expectSeen(old).toEqual(["ADDED one", "ADDED two"]);
      await expectSeen(await starting).toHaveLength(2);
    });

    test("does not tell a client that the server is gone while it holds back", async () => {
      const watcher = await watchThrough(relay);
      await expectSeen(watcher).toEqual(["ADDED one"]);
      let hasEnded = false;
      const ended = watcher.ended.then(() => {
        hasEnded = true;
      });
      relay.hang();
      await server.restart();
      expect(hasEnded).toBe(false);
      relay.resume();
      await ended;
    });
  });

  describe("KubeHttpRelay", () => {
    let relay: KubeHttpRelay;

    beforeEach(async () => {
      relay = await KubeHttpRelay.start(server);
    });

    afterEach(() => relay.close());

    test("swallows the events that it is told to, and no others", async () => {
      const watcher = await watchThrough(relay);
      await expectSeen(watcher).toEqual(["ADDED one"]);
      const stopDropping = relay.dropEvents(({ type }) => type === "DELETED");
      await namespace.createPod("two");
      await namespace.deletePod("one");
      await expect.poll(() => relay.dropped, patient).toBe(1);
      stopDropping();
      await namespace.deletePod("two");
      // A deleted pod is first changed into a terminating one.
      await expectSeen(watcher).toEqual(["ADDED one", "ADDED two", "MODIFIED one", "MODIFIED two", "DELETED two"]);
      expect(relay.dropped).toBe(1);
    });

    test.each([401, 403, 410, 500])("answers the next requests with %d, then passes them on", async (status) => {
      relay.answerNext(2, status, ({ isWatch }) => isWatch);
      for (const _attempt of [1, 2]) {
        const refused = await watchThrough(relay);
        expect(await refused.ended).toMatchObject({ statusCode: status });
      }
      const watcher = await watchThrough(relay);
      await expectSeen(watcher).toEqual(["ADDED one"]);
      expect(relay.requests.filter(({ isWatch }) => isWatch)).toHaveLength(3);
    });

    test("ends watches properly", async () => {
      const watcher = await watchThrough(relay);
      await expectSeen(watcher).toEqual(["ADDED one"]);
      expect(relay.openWatches).toBe(1);
      relay.endWatches();
      expect(await watcher.ended).toBeNull();
      await expect.poll(() => relay.openWatches, patient).toBe(0);
    });

    test("expires watches with an event", async () => {
      const watcher = await watchThrough(relay);
      await expectSeen(watcher).toEqual(["ADDED one"]);
      relay.expireWatches();
      await expectSeen(watcher).toEqual(["ADDED one", "ERROR 410"]);
      expect(await watcher.ended).toBeNull();
    });

    test("passes on bodies, with the rights of its user or of the client's own token", async () => {
      const asReader = await KubeHttpRelay.start(server, "reader");
      const token = await namespace.createServiceAccount("picker");
      const files = await Promise.all([
        server.writeKubeconfig({ server: relay.url }),
        server.writeKubeconfig({ server: asReader.url }),
        server.writeKubeconfig({ server: relay.url, token }),
      ]);
      const clients = files.map((file) => new KubeClient(file));
      const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview", metadata: {} };
      const answers = await Promise.all(clients.map((client) => client.create(review)));
      const names = ["admin", "reader", `system:serviceaccount:${namespace.name}:picker`];
      expect(answers).toMatchObject(names.map((username) => ({ status: { userInfo: { username } } })));
      await Promise.all(clients.map((client) => client.close()));
      await asReader.close();
    });

    test("breaks off a watch whose server is killed", async () => {
      const watcher = await watchThrough(relay);
      await expectSeen(watcher).toEqual(["ADDED one"]);
      await server.kill();
      expect(await watcher.ended).toBeInstanceOf(Error);
      await server.restart();
    });
  });
});

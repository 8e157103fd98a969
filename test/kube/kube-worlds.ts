/** Places that the Kubernetes sources read, for the rules all sources keep: a namespace each, behind a relay that fails. */
import { randomUUID } from "node:crypto";
import { KubernetesApi } from "../../src/discovery/kubernetes/kubernetes-api.ts";
import { type KubernetesPodsConfig, kubernetesPods } from "../../src/discovery/kubernetes/kubernetes-pods.ts";
import { POD_PORT, type PodPlace, type SourceWorld } from "../contract/pod-source-contract.ts";
import type { KubeObject } from "../support/kube-client.ts";
import { KubeHttpRelay } from "../support/kube-http-relay.ts";
import type { KubeNamespace } from "../support/kube-namespace.ts";
import type { KubeServer } from "../support/kube-server.ts";
import { newPool, oldPool } from "./pool-objects.ts";

/** In a form that fits a pool's selector and AIBrix alike. */
const labels = { app: "vllm", "model.aibrix.ai/name": "llama", "model.aibrix.ai/port": String(POD_PORT) };

/** How pods are made to exist, or to look as if they did. */
interface PodWriter {
  set(pods: readonly PodPlace[]): Promise<void>;
  remake(pod: PodPlace): Promise<void>;
}

class RealPods implements PodWriter {
  readonly #namespace: KubeNamespace;
  #pods = new Map<string, PodPlace>();

  constructor(namespace: KubeNamespace) {
    this.#namespace = namespace;
  }

  async set(pods: readonly PodPlace[]): Promise<void> {
    const wanted = new Map(pods.map((pod) => [pod.name, pod]));
    const gone = [...this.#pods.keys()].filter((name) => !wanted.has(name));
    const fresh = pods.filter(({ name }) => !this.#pods.has(name));
    this.#pods = wanted;
    await Promise.all([...gone.map((name) => this.#namespace.deletePod(name)), ...fresh.map((pod) => this.#make(pod))]);
  }

  async remake(pod: PodPlace): Promise<void> {
    await this.#namespace.deletePod(pod.name);
    await this.#make(pod);
  }

  async #make({ name, ip }: PodPlace): Promise<void> {
    await this.#namespace.createPod(name, { labels, readyAt: ip });
  }
}

/** What the controller of Kubernetes writes for a Service: a slice per family. */
class WrittenSlices implements PodWriter {
  readonly #server: KubeServer;
  readonly #namespace: KubeNamespace;
  readonly #uids = new Map<string, string>();
  #pods: readonly PodPlace[] = [];

  constructor(server: KubeServer, namespace: KubeNamespace) {
    this.#server = server;
    this.#namespace = namespace;
  }

  async set(pods: readonly PodPlace[]): Promise<void> {
    this.#pods = pods;
    for (const family of ["IPv4", "IPv6"]) await this.#server.admin.apply(this.#slice(family));
  }

  async remake({ name }: PodPlace): Promise<void> {
    this.#uids.set(name, randomUUID());
    await this.set(this.#pods);
  }

  #slice(family: string): KubeObject {
    const { name: namespace } = this.#namespace;
    const name = `web-${family.toLowerCase()}`;
    const pods = this.#pods.filter(({ ip }) => ip.includes(":") === (family === "IPv6"));
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace, labels: { "kubernetes.io/service-name": "web" } },
      addressType: family,
      ports: [{ name: "http", port: POD_PORT, protocol: "TCP" }],
      endpoints: pods.map((pod) => ({
        addresses: [pod.ip],
        conditions: { ready: true },
        targetRef: { kind: "Pod", namespace, name: pod.name, uid: this.#uidOf(pod) },
      })),
    };
  }

  #uidOf({ name }: PodPlace): string {
    const uid = this.#uids.get(name) ?? randomUUID();
    this.#uids.set(name, uid);
    return uid;
  }
}

export type WorldKind = KubernetesPodsConfig["kind"] | "old-inference-pool";

export async function makeKubeWorld(server: KubeServer, kind: WorldKind): Promise<SourceWorld> {
  const namespace = await server.createNamespace();
  const relay = await KubeHttpRelay.start(server);
  const api = new KubernetesApi({ kubeconfig: await server.writeKubeconfig({ server: relay.url }) });
  const writer = kind === "service" ? new WrittenSlices(server, namespace) : new RealPods(namespace);
  if (kind === "inference-pool") await namespace.create(newPool("pool", { app: "vllm" }, [POD_PORT]));
  if (kind === "old-inference-pool") await namespace.create(oldPool("pool", { app: "vllm" }, POD_PORT));
  const config = configOf(kind, namespace.name);
  let isBroken = false;
  relay.answerNext(Number.POSITIVE_INFINITY, 503, () => isBroken);
  return {
    // A heartbeat every second.
    open: () => kubernetesPods(config, { api, options: { watchSeconds: 1 } }),
    set: (pods) => writer.set(pods),
    remake: (pod) => writer.remake(pod),
    break() {
      isBroken = true;
      relay.endWatches();
    },
    heal() {
      isBroken = false;
    },
    end: () => relay.close(),
  };
}

function configOf(kind: WorldKind, namespace: string): KubernetesPodsConfig {
  switch (kind) {
    case "inference-pool":
    case "old-inference-pool":
      return { kind: "inference-pool", namespace, name: "pool", group: "auto" };
    case "selector":
      return { kind, namespace, selector: "app=vllm", ports: [POD_PORT] };
    case "service":
      return { kind, namespace, name: "web", port: "http" };
    case "aibrix":
      return { kind, namespace };
    default:
      return kind satisfies never;
  }
}

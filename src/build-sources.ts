/** Makes the sources of pods that the pools' configuration names, and makes none twice. */
import type { PoolConfig, SourceConfig } from "./config/pool-config.ts";
import type { PooledSource } from "./discovery/discovery.ts";
import { type DnsPodsParts, dnsPods } from "./discovery/dns/dns-pods.ts";
import { type DnsServer, readResolverSettings } from "./discovery/dns/resolver-settings.ts";
import { KubernetesApi } from "./discovery/kubernetes/kubernetes-api.ts";
import { type KubernetesPodsConfig, kubernetesPods } from "./discovery/kubernetes/kubernetes-pods.ts";
import { type PolicyBooks, PoolPolicies } from "./discovery/kubernetes/pool-policies.ts";
import { watchParts } from "./discovery/kubernetes/source-parts.ts";
import { PodFile } from "./discovery/pod-file.ts";
import type { PodSource } from "./discovery/pod-source.ts";
import { staticSources } from "./discovery/static-pods.ts";

export interface SourceParts {
  readonly relistMs: number;
  /** Instead of the system's; none keeps those. */
  readonly dnsServers: readonly DnsServer[];
  /** An object of Kubernetes was passed over since it makes no sense. */
  onSkipped(problem: string): void;
  /** Where what is said of an InferencePool's requests is kept; without it that is not read. */
  readonly policies?: PolicyBooks;
}

/** Kubernetes is loaded and configured only where a pool asks for it. */
export class SourceMaker {
  readonly #parts: SourceParts;
  #api: KubernetesApi | undefined;
  /** Those made last, by pool and what it says of them. */
  #made = new Map<string, readonly PodSource[]>();

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  /** What the pools named the last time and name again is the same source, which goes on. */
  async make(pools: readonly PoolConfig[]): Promise<PooledSource[]> {
    const made = new Map<string, readonly PodSource[]>();
    const pooled: PooledSource[] = [];
    for (const { name, settings, sources } of pools) {
      for (const config of sources) {
        const key = JSON.stringify([name, config]);
        if (made.has(key)) continue;
        const known = this.#made.get(key) ?? (await this.#make(config, name));
        made.set(key, known);
        pooled.push(...known.map((source) => ({ source, pool: name, settings })));
      }
    }
    this.#made = made;
    return pooled;
  }

  async #make(config: SourceConfig, pool: string): Promise<PodSource[]> {
    switch (config.kind) {
      case "static":
        return staticSources(config.entries);
      case "file":
        return [new PodFile(config.path)];
      case "dns":
        return [dnsPods(config.name, await this.#resolver())];
      default:
        return [await this.#kubernetes(config, pool)];
    }
  }

  async #resolver(): Promise<DnsPodsParts> {
    const { dnsServers: servers } = this.#parts;
    return servers.length === 0 ? {} : { settings: { ...(await readResolverSettings()), servers } };
  }

  async #kubernetes(config: Extract<SourceConfig, { namespace: string }>, pool: string): Promise<PodSource> {
    this.#api ??= new KubernetesApi();
    const { relistMs, onSkipped, policies } = this.#parts;
    const given = { api: this.#api, options: { relistMs }, onSkipped };
    const known = await placed(config, this.#api);
    const pods = kubernetesPods(known, given);
    if (policies === undefined || known.kind !== "inference-pool") return pods;
    const { namespace, name } = known;
    return new PoolPolicies(pods, { namespace, name, pool }, policies, watchParts(given));
  }
}

async function placed(
  config: Extract<SourceConfig, { namespace: string }>,
  api: KubernetesApi,
): Promise<KubernetesPodsConfig> {
  if (config.kind === "aibrix") return config.namespace === "" ? { kind: "aibrix" } : config;
  const namespace = config.namespace === "" ? await api.defaultNamespace() : config.namespace;
  if (config.kind !== "service") return { ...config, namespace };
  const { port, ...rest } = config;
  return port === "" ? { ...rest, namespace } : { ...rest, namespace, port: /^\d+$/.test(port) ? Number(port) : port };
}

/** Makes the sources of pods that the pools' configuration names. */
import type { PoolConfig, SourceConfig } from "./config/pool-config.ts";
import type { PooledSource } from "./discovery/discovery.ts";
import { type DnsPodsParts, dnsPods } from "./discovery/dns/dns-pods.ts";
import { type DnsServer, readResolverSettings } from "./discovery/dns/resolver-settings.ts";
import { KubernetesApi } from "./discovery/kubernetes/kubernetes-api.ts";
import { type KubernetesPodsConfig, kubernetesPods } from "./discovery/kubernetes/kubernetes-pods.ts";
import { PodFile } from "./discovery/pod-file.ts";
import type { PodSource } from "./discovery/pod-source.ts";
import { staticSources } from "./discovery/static-pods.ts";

export interface SourceParts {
  readonly relistMs: number;
  /** Instead of the system's; none keeps those. */
  readonly dnsServers: readonly DnsServer[];
  /** An object of Kubernetes was passed over since it makes no sense. */
  onSkipped(problem: string): void;
}

/** Kubernetes is loaded and configured only where a pool asks for it. */
export async function buildSources(pools: readonly PoolConfig[], parts: SourceParts): Promise<PooledSource[]> {
  const makers = new SourceMakers(parts);
  const made: PooledSource[] = [];
  for (const { name, settings, sources } of pools) {
    for (const config of sources) {
      for (const source of await makers.make(config)) made.push({ source, pool: name, settings });
    }
  }
  return made;
}

class SourceMakers {
  readonly #parts: SourceParts;
  #api: KubernetesApi | undefined;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  async make(config: SourceConfig): Promise<PodSource[]> {
    switch (config.kind) {
      case "static":
        return staticSources(config.entries);
      case "file":
        return [new PodFile(config.path)];
      case "dns":
        return [dnsPods(config.name, await this.#resolver())];
      default:
        return [await this.#kubernetes(config)];
    }
  }

  async #resolver(): Promise<DnsPodsParts> {
    const { dnsServers: servers } = this.#parts;
    return servers.length === 0 ? {} : { settings: { ...(await readResolverSettings()), servers } };
  }

  async #kubernetes(config: Extract<SourceConfig, { namespace: string }>): Promise<PodSource> {
    this.#api ??= new KubernetesApi();
    const { relistMs, onSkipped } = this.#parts;
    const given = { api: this.#api, options: { relistMs }, onSkipped };
    return kubernetesPods(await placed(config, this.#api), given);
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

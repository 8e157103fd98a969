/** A pool as the configuration describes it, whether in flags or in a file: its pods' sources, scraping and settings. */
import type { DnsName } from "../discovery/dns/dns-names.ts";
import type { PodEntry } from "../discovery/pod-address.ts";
import { DEFAULT_PROFILE, type PoolSettings } from "../pods/pool.ts";
import type { RewriteRule } from "../rewrite/rewrite-rules.ts";
import type { ScrapeOptions } from "../scrape/scrape-options.ts";
import type { OptionValues } from "./option-table.ts";
import type { podOptions, scrapeOptions } from "./pod-options.ts";
import { scrapeSettings } from "./scrape-settings.ts";

export type PodConfig = OptionValues<typeof podOptions>;
/** What may differ from pool to pool. */
export type PoolValues = OptionValues<typeof scrapeOptions>;

/** Without a namespace the picker's own is meant, which is known once Kubernetes is configured. */
export type SourceConfig =
  | { readonly kind: "static"; readonly entries: readonly PodEntry[] }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "dns"; readonly name: DnsName }
  | { readonly kind: "inference-pool"; readonly namespace: string; readonly name: string; readonly group: string }
  | {
      readonly kind: "selector";
      readonly namespace: string;
      readonly selector: string;
      readonly ports: readonly number[];
    }
  | { readonly kind: "service"; readonly namespace: string; readonly name: string; readonly port: string }
  | { readonly kind: "aibrix"; readonly namespace: string };

export interface PoolConfig {
  /** "" where the source itself names the pool of each pod; at most one of the pools is such a one. */
  readonly name: string;
  readonly settings: PoolSettings;
  readonly scrape: ScrapeOptions;
  readonly sources: readonly SourceConfig[];
  /** Other names for the models of its requests; absent for none. */
  readonly rewrites?: readonly RewriteRule[];
}

/** The pool that is given no name and needs none. */
export const DEFAULT_POOL = "default";

export function poolConfig(
  name: string,
  sources: readonly SourceConfig[],
  values: PoolValues,
  profile = DEFAULT_PROFILE,
): PoolConfig {
  const { unknownModel, listModels } = values;
  return { name, settings: { unknownModel, listModels, profile }, scrape: scrapeSettings(values), sources };
}

/** Where nobody says otherwise, an unknown model is refused as the clients of AIBrix know it. */
export function asAibrix(values: PoolValues): PoolValues {
  return values.unknownModel === "refuse" ? { ...values, unknownModel: "refuse-as-aibrix" } : values;
}

/** The configuration of the pool with this name, which a label of its pods may have given it. */
export function configOfPool(pools: readonly PoolConfig[], name: string): PoolConfig | undefined {
  return pools.find((pool) => pool.name === name) ?? pools.find((pool) => pool.name === "");
}

/** Of the first of its sources that says one; "" where none does. */
export function namespaceOf({ sources }: Pick<PoolConfig, "sources">): string {
  return sources.map((source) => ("namespace" in source ? source.namespace : "")).find((each) => each !== "") ?? "";
}

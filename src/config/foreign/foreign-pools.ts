/** The pools and the profile that an EndpointPickerConfig and the flags beside it describe. */
import { quoted } from "../../discovery/pod-address.ts";
import { podFileFaults } from "../../discovery/read-pod-file.ts";
import type { FaultListener } from "../../discovery/yaml-tree.ts";
import { DEFAULT_PROFILE } from "../../pods/pool.ts";
import type { Profile } from "../../routing/profile.ts";
import { type Engine, engineNamed } from "../../scrape/engines.ts";
import { type GivenScrapeOptions, scrapeOptions } from "../../scrape/scrape-options.ts";
import { readFlagPools } from "../flag-pools.ts";
import { dashed } from "../load-config.ts";
import { sourceOptions } from "../pod-options.ts";
import { DEFAULT_POOL, type PodConfig, type PoolConfig, poolConfig } from "../pool-config.ts";
import { customEngine, type EngineNames } from "./custom-engine.ts";
import type { ForeignDocument } from "./document.ts";

export interface ForeignRouting {
  readonly pools: readonly PoolConfig[];
  readonly profiles: ReadonlyMap<string, Profile>;
}

/** Where a plugin finds the pods, --pool-name is but the pool's name, and Kubernetes is not asked. */
export function foreignPools(document: ForeignDocument, config: PodConfig, fault: FaultListener): ForeignRouting {
  const { source, scrape, profile } = document;
  const profiles = new Map([[DEFAULT_PROFILE, profile]]);
  const flags = source === undefined ? readFlagPools(config) : { pools: [], faults: [] };
  const faults = source?.kind === "file" ? podFileFaults(source.path, "file-discovery path") : flags.faults;
  for (const each of faults) fault(each.path, each.expected, each.got, each.hint);
  if (source !== undefined) refuseOthers(config, fault);
  const name = config.poolName === "" ? DEFAULT_POOL : config.poolName;
  const pools = source === undefined ? flags.pools : [poolConfig(name, [source], config)];
  return { pools: pools.map((pool) => withScraping(pool, scrape)), profiles };
}

const otherSources = [
  "pods",
  "podsFile",
  "podsDns",
  "inferencePool",
  "endpointSelector",
  "endpointTargetPorts",
  "podsService",
  "podsAibrix",
] as const satisfies readonly (keyof typeof sourceOptions)[];

/** Pods that a flag names would be left out without a word. */
function refuseOthers(config: PodConfig, fault: FaultListener): void {
  for (const name of otherSources) {
    if (config[name] === "") continue;
    const expected = "no pods by flag or environment beside the discovery of the EndpointPickerConfig";
    fault(dashed(sourceOptions[name].flag), expected, quoted(config[name]));
  }
}

/** The pool with what else is said of scraping; `stalenessMs` follows the interval. */
function withScraping(pool: PoolConfig, more: GivenScrapeOptions): PoolConfig {
  const { stalenessMs, ...scrape } = pool.scrape;
  const kept = more.intervalMs === undefined ? { stalenessMs } : {};
  return { ...pool, scrape: scrapeOptions({ ...scrape, ...kept, ...more }) };
}

/** With the metrics that flags name, unless the configuration describes the engine. */
export function withEngineNames(pools: readonly PoolConfig[], names: EngineNames): readonly PoolConfig[] {
  if (Object.keys(names).length === 0) return pools;
  return pools.map((pool) => {
    const { engine: set } = pool.scrape;
    if (set !== "auto" && (!("name" in set) || engineNamed(set.name) !== set)) return pool;
    const engine = customEngine(set === "auto" ? "vllm" : set.name, names);
    // What is no metric is told where the flags are read.
    if (typeof engine === "string" || isKnown(set, engine)) return pool;
    return withScraping(pool, { engine });
  });
}

/** Old argument lists name the metrics that an engine has anyway; then its page may as well tell the engine. */
function isKnown(set: unknown, named: Engine): boolean {
  const plain = customEngine(named.name, {});
  if (set !== "auto" || typeof plain === "string") return false;
  const isSame = Object.entries(named.numbers).every(([number, { metrics }]) => {
    const known: readonly string[] = plain.numbers[number as keyof Engine["numbers"]]?.metrics ?? [];
    return metrics.length === known.length && metrics.every((metric) => known.includes(metric));
  });
  return isSame && named.lora?.metric === plain.lora?.metric;
}

/** All pools and profiles, from the config file or from flags and environment, or everything that is wrong with them. */
import type { CostRule } from "../costs/cost-rule.ts";
import { quoted } from "../discovery/pod-address.ts";
import type { ConfigFault } from "../errors.ts";
import { DEFAULT_PROFILE } from "../pods/pool.ts";
import type { RewriteRule } from "../rewrite/rewrite-rules.ts";
import type { Profile } from "../routing/profile.ts";
import { ConfigFile, type FileRouting } from "./config-file.ts";
import { defaultProfile } from "./default-profile.ts";
import type { BackendConfig } from "./file-backends.ts";
import { readFlagPools } from "./flag-pools.ts";
import { dashed } from "./load-config.ts";
import { sourceOptions } from "./pod-options.ts";
import type { PodConfig, PoolConfig } from "./pool-config.ts";

/** The options that name pods; the others say more of what these name. */
const namingOptions = [
  "pods",
  "podsFile",
  "podsDns",
  "inferencePool",
  "poolName",
  "endpointSelector",
  "endpointTargetPorts",
  "podsService",
  "podsAibrix",
] as const satisfies readonly (keyof typeof sourceOptions)[];

export interface PoolsRead {
  readonly pools: readonly PoolConfig[];
  /** By name; every profile that a pool names is there. */
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Other names for models, in requests to any pool. */
  readonly rewrites: readonly RewriteRule[];
  /** What attempts at them need; none where the gateway makes none here. */
  readonly backends: readonly BackendConfig[];
  /** What the end of each answer tells of its cost. */
  readonly costs: readonly CostRule[];
  readonly faults: readonly ConfigFault[];
}

/** `file` is that of `--config-file`, which is opened where it is not given. Without `needsPods` there may be none yet. */
export function readPools(config: PodConfig, file = openConfigFile(config.configFile), needsPods = true): PoolsRead {
  const routing: FileRouting = file?.routing(config) ?? { profiles: new Map() };
  const flags = routing.takesFlags ? noPools : readFlagPools(config);
  const faults = [...(file?.faults ?? []), ...flags.faults];
  if (routing.pools !== undefined && !routing.takesFlags) faults.push(...strayFaults(config));
  const pools = routing.pools ?? flags.pools;
  const { rewrites = [], costs = [], backends = [] } = routing;
  // Who only routes requests to backends picks no pods.
  if (needsPods && pools.length + backends.length === 0 && faults.length === 0)
    faults.push(config.configFile === "" ? nothingGiven : nothingIn(config));
  const profiles = new Map([[DEFAULT_PROFILE, defaultProfile()], ...routing.profiles]);
  return { pools, profiles, rewrites, costs, backends, faults };
}

/** undefined where none is named. */
function openConfigFile(path: string): ConfigFile | undefined {
  return path === "" ? undefined : new ConfigFile(path);
}

const noPools: ReturnType<typeof readFlagPools> = { pools: [], faults: [] };

const nothingGiven: ConfigFault = {
  path: "--pods",
  expected:
    "pods from somewhere: --pods, --pods-file, --pods-dns, --inference-pool, --endpoint-selector, --pods-service, --pods-aibrix or --config-file",
  got: "none of them",
};

function nothingIn({ configFile }: PodConfig): ConfigFault {
  return { path: configFile, expected: "the key pools, or pods named by a flag", got: "neither" };
}

/**
 * A flag that names pods beside a file with pools could replace them, join one of them or be a pool of its own, and
 * whoever expects another of these sends requests to the wrong pods: so it is refused. Not even a pool of its own would
 * leave the file's as they are, since a pool that is the only one is found without being named.
 */
function strayFaults(config: PodConfig): ConfigFault[] {
  const given = namingOptions.filter((name) => config[name] !== "");
  return given.map((name) => ({
    path: dashed(sourceOptions[name].flag),
    expected: `no pods by flag or environment beside the pools of ${config.configFile}`,
    got: quoted(config[name]),
  }));
}

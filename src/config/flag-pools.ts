/** The pools that flags and environment describe: one for all sources that name none themselves, and those that do. */
import { parseDnsNames } from "../discovery/dns/dns-names.ts";
import { parsePort, quoted } from "../discovery/pod-address.ts";
import { podFileFaults } from "../discovery/read-pod-file.ts";
import { parsePodList } from "../discovery/static-pods.ts";
import type { ConfigFault } from "../errors.ts";
import {
  expectedAibrix,
  expectedPlace,
  expectedSelector,
  expectedService,
  isLabelSelector,
  MOST_TARGET_PORTS,
  type Place,
  parseAibrix,
  parsePlace,
  parseService,
} from "./kubernetes-names.ts";
import {
  asAibrix,
  DEFAULT_POOL,
  type PodConfig,
  type PoolConfig,
  poolConfig,
  type SourceConfig,
} from "./pool-config.ts";

interface Reading {
  readonly sources: SourceConfig[];
  readonly faults: ConfigFault[];
}

/** None where no flag names a source. */
export function readFlagPools(config: PodConfig): {
  readonly pools: readonly PoolConfig[];
  readonly faults: readonly ConfigFault[];
} {
  const reading: Reading = { sources: [], faults: [] };
  readLists(config, reading);
  readSelector(config, reading);
  readService(config, reading);
  const pools = inferencePools(config, reading.faults);
  if (config.podsAibrix !== "") pools.push(...aibrixPool(config, reading.faults));
  if (reading.sources.length > 0) pools.unshift(poolConfig(DEFAULT_POOL, reading.sources, config));
  return { pools, faults: reading.faults };
}

function readLists({ pods, podsFile, podsDns }: PodConfig, { sources, faults }: Reading): void {
  if (pods !== "") {
    const list = parsePodList(pods);
    if ("faults" in list) faults.push(...list.faults);
    else sources.push({ kind: "static", entries: list.pods });
  }
  if (podsFile !== "") {
    faults.push(...podFileFaults(podsFile));
    sources.push({ kind: "file", path: podsFile });
  }
  if (podsDns !== "") {
    const parsed = parseDnsNames(podsDns);
    if ("faults" in parsed) faults.push(...parsed.faults);
    else sources.push(...parsed.names.map((name) => ({ kind: "dns", name }) as const));
  }
}

function readSelector(config: PodConfig, { sources, faults }: Reading): void {
  const { endpointSelector, endpointTargetPorts, poolNamespace } = config;
  const ports = endpointTargetPorts.split(",").map((text) => parsePort(text.trim()));
  const good = ports.filter((port) => port !== undefined);
  if (endpointTargetPorts !== "" && (good.length < ports.length || ports.length > MOST_TARGET_PORTS)) {
    const expected = `1 to ${MOST_TARGET_PORTS} ports, with commas`;
    faults.push({ path: "--endpoint-target-ports", expected, got: quoted(endpointTargetPorts) });
  }
  if (endpointSelector !== "" && !isLabelSelector(endpointSelector)) {
    faults.push({ path: "--endpoint-selector", expected: expectedSelector, got: quoted(endpointSelector) });
  } else if ((endpointSelector === "") !== (endpointTargetPorts === "")) {
    faults.push({
      path: endpointSelector === "" ? "--endpoint-selector" : "--endpoint-target-ports",
      expected: "--endpoint-selector and --endpoint-target-ports together",
      got: "one of them",
    });
  } else if (endpointSelector !== "" && good.length > 0) {
    sources.push({ kind: "selector", namespace: poolNamespace, selector: endpointSelector, ports: good });
  }
}

function readService({ podsService, poolNamespace }: PodConfig, { sources, faults }: Reading): void {
  if (podsService === "") return;
  const service = parseService(podsService, poolNamespace);
  if (service !== undefined) sources.push({ kind: "service", ...service });
  else faults.push({ path: "--pods-service", expected: expectedService, got: quoted(podsService) });
}

/** Each InferencePool is a pool by its own name; where two namespaces have the same one, by both. */
function inferencePools(config: PodConfig, faults: ConfigFault[]): PoolConfig[] {
  const { inferencePool, poolName, poolGroup } = config;
  const written = inferencePool === "" ? [] : inferencePool.split(",").map((text) => ["--inference-pool", text.trim()]);
  if (poolName !== "") written.push(["--pool-name", poolName]);
  const places = written.flatMap(([path = "", text = ""]) => readPlace(path, text, config, faults));
  const isShared = (name: string) => places.filter((place) => place.name === name).length > 1;
  return places.map(({ namespace, name }) => {
    const poolName = isShared(name) ? `${namespace}/${name}` : name;
    return poolConfig(poolName, [{ kind: "inference-pool", namespace, name, group: poolGroup }], config);
  });
}

function readPlace(path: string, text: string, { poolNamespace }: PodConfig, faults: ConfigFault[]): Place[] {
  const place = parsePlace(text, poolNamespace);
  if (place !== undefined) return [place];
  faults.push({ path, expected: expectedPlace, got: quoted(text) });
  return [];
}

function aibrixPool(config: PodConfig, faults: ConfigFault[]): PoolConfig[] {
  const namespace = parseAibrix(config.podsAibrix);
  if (namespace !== undefined) return [poolConfig("", [{ kind: "aibrix", namespace }], asAibrix(config))];
  faults.push({ path: "--pods-aibrix", expected: expectedAibrix, got: quoted(config.podsAibrix) });
  return [];
}

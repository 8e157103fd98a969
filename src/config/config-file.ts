/** Reads the file of `--config-file`: its bytes, the format it is written in, the profiles and pools it describes. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { isMap, isScalar } from "yaml";
import { quoted } from "../discovery/pod-address.ts";
import { type Field, YamlTree } from "../discovery/yaml-tree.ts";
import { type ConfigFault, codeOf } from "../errors.ts";
import { DEFAULT_PROFILE } from "../pods/pool.ts";
import type { Profile } from "../routing/profile.ts";
import { readFilePools } from "./file-pools.ts";
import { type FileProfile, readFileProfiles } from "./file-profiles.ts";
import { type FileReading, readFields } from "./file-reading.ts";
import type { PodConfig, PoolConfig } from "./pool-config.ts";

export interface ConfigFile {
  /** undefined: the file says nothing of pools. */
  readonly pools?: readonly PoolConfig[];
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly faults: readonly ConfigFault[];
}

const SIZE_LIMIT_BYTES = 1_048_576;
/** Beyond these a list of faults helps nobody. */
const FAULT_LIMIT = 100;
const rootKeys = ["pools", "profiles"];
const noProfiles: ReadonlyMap<string, Profile> = new Map();
/** What the Go picker's configuration says of itself; ours says nothing. */
const FOREIGN_KIND = "EndpointPickerConfig";

/** `config` holds the options that are the default of every pool. */
export function readConfigFile(path: string, config: PodConfig): ConfigFile {
  const faults: ConfigFault[] = [];
  const fault: FileReading["fault"] = (place, expected, got, hint) => {
    if (faults.length < FAULT_LIMIT) faults.push({ path: place, expected, got, ...(hint !== undefined && { hint }) });
  };
  const text = readText(path, fault);
  const tree = text === undefined ? undefined : new YamlTree(text, path, fault);
  const folder = dirname(path);
  const read =
    tree?.root === undefined ? { profiles: noProfiles } : readRoot({ tree, fault, config, folder }, tree.root);
  return { faults, ...read };
}

/** A file without a line says that nothing is to be said. */
function readRoot(reading: FileReading, root: Field): Omit<ConfigFile, "faults"> {
  const nothing = { profiles: noProfiles };
  if (root.node === undefined || (isScalar(root.node) && root.node.value === null)) return nothing;
  if (isMap(root.node) && root.node.get("kind") === FOREIGN_KIND) {
    const got = `the kind ${FOREIGN_KIND}, which this version does not read yet`;
    reading.fault(root.place, "pointsman's own configuration", got);
    return nothing;
  }
  const fields = readFields(reading, root, rootKeys, `a mapping with ${rootKeys.join(", ")}`);
  const profilesField = fields?.get("profiles");
  const profiles = profilesField === undefined ? new Map() : readFileProfiles(reading, profilesField);
  const poolsField = fields?.get("pools");
  const pools = poolsField && readFilePools(reading, poolsField, [...profiles.keys()]);
  checkUse(reading, profiles, pools);
  const read = new Map([...profiles].map(([name, { profile }]) => [name, profile]));
  return { profiles: read, ...(pools !== undefined && { pools }) };
}

/** A profile that routes nothing is a wrong name somewhere. Pools that flags describe have the default. */
function checkUse(
  { fault }: FileReading,
  profiles: ReadonlyMap<string, FileProfile>,
  pools: readonly PoolConfig[] | undefined,
): void {
  const used = new Set(pools === undefined ? [DEFAULT_PROFILE] : pools.map(({ settings }) => settings.profile));
  for (const [name, { place }] of profiles) {
    if (!used.has(name)) fault(place, `a profile that a pool has, such as ${[...used].join(", ")}`, quoted(name));
  }
}

/** undefined where there is no text to read; then the fault is told. */
function readText(path: string, fault: FileReading["fault"]): string | undefined {
  const wrongPath = (got: string) => fault("--config-file", `a file that can be read, at ${path}`, got);
  try {
    const stat = statSync(path);
    // What is no file might never end, or keep the start waiting.
    if (!stat.isFile()) wrongPath(stat.isDirectory() ? "a directory" : "something else");
    else if (stat.size > SIZE_LIMIT_BYTES) fault(path, `at most ${SIZE_LIMIT_BYTES} bytes`, String(stat.size));
    else return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const code = codeOf(error);
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") fault(path, "text in UTF-8", "other bytes");
    else wrongPath(code === "ENOENT" ? "none" : code);
  }
  return undefined;
}

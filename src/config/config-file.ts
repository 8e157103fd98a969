/** Reads the file of `--config-file`: its bytes, the format it is written in, the options, profiles and pools it holds. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { isMap, isScalar, type YAMLMap } from "yaml";
import type { CostRule } from "../costs/cost-rule.ts";
import { nearestWord } from "../discovery/nearest-word.ts";
import { quoted } from "../discovery/pod-address.ts";
import { type Field, YamlTree } from "../discovery/yaml-tree.ts";
import { type ConfigFault, codeOf } from "../errors.ts";
import { DEFAULT_PROFILE } from "../pods/pool.ts";
import type { RewriteRule } from "../rewrite/rewrite-rules.ts";
import type { Profile } from "../routing/profile.ts";
import { type BackendConfig, readBackends } from "./file-backends.ts";
import { readCosts } from "./file-costs.ts";
import { rootKeys, sectionKeys } from "./file-keys.ts";
import { readFilePools } from "./file-pools.ts";
import { type FileProfile, readFileProfiles } from "./file-profiles.ts";
import { type Fields, type FileReading, readFields, readOptions } from "./file-reading.ts";
import { readRewrites } from "./file-rewrites.ts";
import { type ForeignDocument, readDocument } from "./foreign/document.ts";
import type { StartNote } from "./foreign/document-reading.ts";
import { foreignPools } from "./foreign/foreign-pools.ts";
import type { Given, GivenValues } from "./load-config.ts";
import { type Config, serveOptions } from "./options.ts";
import type { PodConfig, PoolConfig } from "./pool-config.ts";
import { hasStrategies, type StrategySwitch } from "./strategy-options.ts";

export interface FileRouting {
  /** undefined: the file says nothing of pools. */
  readonly pools?: readonly PoolConfig[];
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Of all pools; absent for none. */
  readonly rewrites?: readonly RewriteRule[];
  readonly costs?: readonly CostRule[];
  readonly backends?: readonly BackendConfig[];
  /** Do the flags that name pods belong to these pools, as the Go picker has it? */
  readonly takesFlags?: true;
}

export const CONFIG_LIMIT_BYTES = 1_048_576;
/** Beyond these a list of faults helps nobody. */
const FAULT_LIMIT = 100;
const noFields: Fields = new Map();
/** What the Go picker's configuration says of itself; ours says nothing. */
const FOREIGN_KIND = "EndpointPickerConfig";

/** What the Go picker does without being told. */
const alwaysThere: Partial<Config> = { marksAnswers: true, metricNames: "both" };

/** The file as it was when it was opened. */
export class ConfigFile {
  readonly path: string;
  /** What is wrong so far: grows as more is read. */
  readonly faults: ConfigFault[] = [];
  readonly bytes: Uint8Array;
  /** What it says for the whole process, or for all pools. */
  readonly options: GivenValues;
  /** What it says as an EndpointPickerConfig; undefined where it is none. */
  #foreign: ForeignDocument | undefined;
  readonly #tree: YamlTree | undefined;
  readonly #fields: Fields;

  /** Reads the file itself where its bytes are not given. */
  constructor(path: string, bytes?: Uint8Array) {
    this.path = path;
    this.bytes = bytes ?? this.#load() ?? new Uint8Array(0);
    const text = this.faults.length > 0 ? undefined : this.#decode(this.bytes);
    this.#tree = text === undefined ? undefined : new YamlTree(text, path, this.#fault);
    this.#fields = this.#readRoot(this.#tree?.root);
    this.options = this.#readOptions();
  }

  /** `config` holds the options that are the default of every pool. */
  routing(config: PodConfig & StrategySwitch): FileRouting {
    const tree = this.#tree;
    if (tree === undefined) return { profiles: new Map() };
    if (this.#foreign !== undefined) return { ...foreignPools(this.#foreign, config, this.#fault), takesFlags: true };
    const reading: FileReading = { tree, fault: this.#fault, config, folder: dirname(this.path) };
    const profilesField = this.#fields.get("profiles");
    const profiles = profilesField === undefined ? new Map() : readFileProfiles(reading, profilesField);
    const poolsField = this.#fields.get("pools");
    const pools = poolsField && readFilePools(reading, poolsField, [...profiles.keys()]);
    // Where requests name strategies each profile is one.
    if (!hasStrategies(config, pools)) checkUse(reading, profiles, pools);
    const rewrites = this.#fields.get("rewrites");
    const costs = this.#fields.get("costs");
    const backends = this.#fields.get("backends");
    const read = new Map([...profiles].map(([name, { profile }]) => [name, profile]));
    return {
      profiles: read,
      ...(pools !== undefined && { pools }),
      ...(rewrites !== undefined && { rewrites: readRewrites(reading, rewrites) }),
      ...(costs !== undefined && { costs: readCosts(reading, costs) }),
      ...(backends !== undefined && { backends: readBackends(reading, backends) }),
    };
  }

  /** Is it an EndpointPickerConfig? */
  get isForeign(): boolean {
    return this.#foreign !== undefined;
  }

  /** What is said of it at the start. */
  get notes(): readonly StartNote[] {
    return this.#foreign?.notes ?? [];
  }

  readonly #fault: FileReading["fault"] = (path, expected, got, hint) => {
    if (this.faults.length < FAULT_LIMIT)
      this.faults.push({ path, expected, got, ...(hint !== undefined && { hint }) });
  };

  /** A file without a line says that nothing is to be said. */
  #readRoot(root: Field | undefined): Fields {
    if (this.#tree === undefined || root?.node === undefined) return noFields;
    const { node } = root;
    if (isScalar(node) && node.value === null) return noFields;
    if (isMap(node) && node.get("kind") === FOREIGN_KIND) {
      // The seam of the foreign format: its reader gives, as `routing` does, the FileRouting of this file.
      this.#foreign = readDocument(this.#tree, this.#fault, root);
      return noFields;
    }
    if (isMap(node) && this.#meansForeign(node, root)) return noFields;
    const expected = `a mapping with ${rootKeys.join(", ")}`;
    return readFields({ tree: this.#tree }, root, rootKeys, expected) ?? noFields;
  }

  /** Its kind with a slip: one fault says so, and the rest, which is none of our format's, is left alone. */
  #meansForeign(node: YAMLMap, root: Field): boolean {
    const kind = this.#tree?.value(root, node, "kind");
    const written = isScalar(kind?.node) ? kind.node.value : undefined;
    if (kind === undefined || typeof written !== "string") return false;
    const meant = nearestWord(written, [FOREIGN_KIND]);
    if (meant !== undefined) this.#tree?.wrong(kind, `${FOREIGN_KIND}, or no kind`, meant);
    return meant !== undefined;
  }

  #readOptions(): GivenValues {
    const given = new Map<string, Given>();
    if (this.isForeign)
      for (const [name, value] of Object.entries(alwaysThere))
        given.set(name, { value, from: "file", place: FOREIGN_KIND });
    for (const [section, keys] of Object.entries(sectionKeys)) {
      for (const { name, value, place } of this.#readSection(section, keys)) {
        given.set(name, { value, from: "file", place });
      }
    }
    return given;
  }

  #readSection(section: string, keys: Readonly<Record<string, string>>): ReturnType<typeof readOptions> {
    const tree = this.#tree;
    if (tree === undefined) return [];
    if (section === "") return readOptions({ tree }, this.#fields, keys, serveOptions);
    const field = this.#fields.get(section);
    const known = Object.keys(keys);
    const fields = field && readFields({ tree }, field, known, `a mapping with ${known.join(", ")}`);
    return readOptions({ tree }, fields ?? noFields, keys, serveOptions);
  }

  /** undefined where nothing can be read; then the fault is told. */
  #load(): Uint8Array | undefined {
    const { path } = this;
    const wrongPath = (got: string) => this.#fault("--config-file", `a file that can be read, at ${path}`, got);
    try {
      const stat = statSync(path);
      // What is no file might never end, or keep the start waiting.
      if (stat.isFile()) return stat.size > CONFIG_LIMIT_BYTES ? this.#tooLarge(stat.size) : readFileSync(path);
      wrongPath(stat.isDirectory() ? "a directory" : "something else");
    } catch (error) {
      wrongPath(codeOf(error) === "ENOENT" ? "none" : codeOf(error));
    }
    return undefined;
  }

  #decode(bytes: Uint8Array): string | undefined {
    if (bytes.length > CONFIG_LIMIT_BYTES) return this.#tooLarge(bytes.length);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      this.#fault(this.path, "text in UTF-8", "other bytes");
      return undefined;
    }
  }

  #tooLarge(size: number): undefined {
    this.#fault(this.path, `at most ${CONFIG_LIMIT_BYTES} bytes`, String(size));
  }
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

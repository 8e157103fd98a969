/** Reads the file of `--config-file`: its bytes, the format it is written in, and the pools it describes. */
import { readFileSync, statSync } from "node:fs";
import { isMap, isScalar } from "yaml";
import { type Field, YamlTree } from "../discovery/yaml-tree.ts";
import { type ConfigFault, codeOf } from "../errors.ts";
import { readFilePools } from "./file-pools.ts";
import { type FileReading, readFields } from "./file-reading.ts";
import type { PodConfig, PoolConfig } from "./pool-config.ts";

export interface ConfigFile {
  /** undefined: the file says nothing of pools. */
  readonly pools?: readonly PoolConfig[];
  readonly faults: readonly ConfigFault[];
}

const SIZE_LIMIT_BYTES = 1_048_576;
/** Beyond these a list of faults helps nobody. */
const FAULT_LIMIT = 100;
const rootKeys = ["pools"];
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
  const pools = tree?.root === undefined ? undefined : readRoot({ tree, fault, config }, tree.root);
  return { faults, ...(pools !== undefined && { pools }) };
}

/** A file without a line says that nothing is to be said. */
function readRoot(reading: FileReading, root: Field): PoolConfig[] | undefined {
  if (root.node === undefined || (isScalar(root.node) && root.node.value === null)) return undefined;
  if (isMap(root.node) && root.node.get("kind") === FOREIGN_KIND) {
    const got = `the kind ${FOREIGN_KIND}, which this version does not read yet`;
    reading.fault(root.place, "pointsman's own configuration", got);
    return undefined;
  }
  const pools = readFields(reading, root, rootKeys, `a mapping with ${rootKeys.join(", ")}`)?.get("pools");
  return pools && readFilePools(reading, pools);
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

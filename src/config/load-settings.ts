/** All that `serve` is told: flags, environment and config file -> one set of settings, or every fault of them. */
import { isDeepStrictEqual } from "node:util";
import { ConfigError, type ConfigFault } from "../errors.ts";
import { ConfigFile } from "./config-file.ts";
import { allFlags, separate, withForeignDefaults } from "./foreign/command-line.ts";
import type { StartNote } from "./foreign/document-reading.ts";
import { withEngineNames } from "./foreign/foreign-pools.ts";
import { dashed, type Environment, type Given, readGiven, settle } from "./load-config.ts";
import { type Config, serveOptions } from "./options.ts";
import type { PoolConfig } from "./pool-config.ts";
import { type PoolsRead, readPools } from "./read-pools.ts";
import { strategyFaults, withStrategies } from "./strategy-options.ts";

export interface Settings extends Pick<PoolsRead, "pools" | "profiles" | "rewrites" | "costs" | "backends"> {
  readonly config: Config;
  /** Who said so, by the name of the option; what is not there is the default. */
  readonly given: ReadonlyMap<string, Given>;
  /** What is said once at the start, such as that a flag has no effect. */
  readonly notes: readonly StartNote[];
  /** What the config file held; undefined where there is none. */
  readonly fileBytes: Uint8Array | undefined;
}

/** What was said at the start, but for the file. */
export interface Said {
  readonly args: readonly string[];
  readonly env: Environment;
}

/** Finds the faults that only a look at several values, or at the world, can find. */
export type CheckConfig = (config: Config, pools: readonly PoolConfig[]) => readonly ConfigFault[];

export interface SettingsRead {
  readonly settings: Settings;
  readonly faults: readonly ConfigFault[];
}

export interface ReadParts {
  readonly check: CheckConfig;
  /** The config file's, where it is not to be read from the disk. */
  readonly fileBytes?: Uint8Array;
  /** Is it a fault that nothing says where the pods are? Default true. */
  readonly needsPods?: boolean;
}

/** A flag wins over the environment, the environment over the file, the file over the default. */
export function readSettings({ args, env }: Said, { check, fileBytes, needsPods }: ReadParts): SettingsRead {
  const { given: all, faults: wrong } = readGiven(allFlags, args, withForeignDefaults(args, env));
  const { own: said, foreign } = separate(all);
  const { configFile: path, configText } = settle(serveOptions, said);
  const file = openFile(path, configText, fileBytes);
  const written = file?.options ?? new Map<string, Given>();
  const told = settle(serveOptions, said, written);
  const given = new Map([...written, ...said]);
  const { pools: read, profiles, rewrites, costs, backends, faults } = readPools(told, file, needsPods);
  const pools = withEngineNames(read, foreign.engineNames);
  const config = withStrategies(told, pools);
  const notes = [...foreign.notes, ...(file?.isForeign ? [...foreign.besideDocument, ...file.notes] : [])];
  const twice = path !== "" && configText !== "" ? [bothGiven] : [];
  const strange = strategyFaults(config, [...profiles.keys()]);
  const found = inPlace([...check(config, pools), ...strange], given);
  return {
    settings: {
      config,
      given,
      pools,
      profiles,
      rewrites,
      costs,
      backends,
      notes,
      fileBytes: path === "" ? undefined : file?.bytes,
    },
    faults: [...wrong, ...twice, ...faults, ...found],
  };
}

const bothGiven: ConfigFault = {
  path: "--config-text",
  expected: "either --config-file or --config-text",
  got: "both",
};

/** The text stands for the file; undefined where there is neither. */
function openFile(path: string, text: string, bytes: Uint8Array | undefined): ConfigFile | undefined {
  if (path !== "") return new ConfigFile(path, bytes);
  return text === "" ? undefined : new ConfigFile(dashed(serveOptions.configText.flag), Buffer.from(text));
}

/** Throws a ConfigError with every fault. */
export function loadSettings(said: Said, check: CheckConfig): Settings {
  const { settings, faults } = readSettings(said, { check });
  if (faults.length > 0) throw new ConfigError(faults);
  return settings;
}

/** A fault that names a flag is where the value came from, and what it asks for is named as it is written there. */
export function inPlace(faults: readonly ConfigFault[], given: Settings["given"]): ConfigFault[] {
  return faults.map((fault) => placed(fault, given));
}

function placed({ path, expected, ...fault }: ConfigFault, given: Settings["given"]): ConfigFault {
  const nameOf = (flag: string) => Object.entries(serveOptions).find(([, spec]) => dashed(spec.flag) === flag);
  const [name = "", spec] = nameOf(path) ?? [];
  const { from, place = path } = given.get(name) ?? {};
  if (from !== "file" || spec === undefined) return { ...fault, path: place, expected };
  const asKeys = expected.replace(/--[a-z][a-z-]*/g, (flag) => nameOf(flag)?.[1].key || flag);
  return { ...fault, path: place, expected: asKeys };
}

/** One line: what is not the default, and who said so. */
export function originsOf({ config, given }: Settings): Record<string, string[]> {
  const origins: Record<string, string[]> = {};
  for (const [name, { from }] of given) {
    const spec = serveOptions[name as keyof typeof serveOptions];
    const value = config[name as keyof Config];
    if (isDeepStrictEqual(value, spec.default)) continue;
    const shown = spec.kind.show(value as never);
    const word = from === "file" ? spec.key : dashed(spec.flag).replace(/^-+/, "");
    origins[from] = [...(origins[from] ?? []), `${word}=${shown}`];
  }
  return origins;
}

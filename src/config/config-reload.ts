/** Brings what is written in the config file while the picker runs into force, or keeps the last good configuration. */
import { FileFollower } from "../discovery/file-follower.ts";
import { ConfigError, type ConfigFault, describeFault } from "../errors.ts";
import { CONFIG_LIMIT_BYTES } from "./config-file.ts";
import { type CheckConfig, readSettings, type Said, type Settings } from "./load-settings.ts";
import type { Config } from "./options.ts";
import { changeOf } from "./settings-changes.ts";

export interface ReloadEvents {
  /** `needRestart` is what the picker cannot follow while it runs. */
  applied(changes: readonly string[], needRestart: readonly string[]): void;
  /** Another text that says the same. */
  unchanged(): void;
  /** The last good configuration stays. */
  refused(faults: readonly string[]): void;
}

export interface ReloadParts {
  /** What was said at the start, which still counts more than the file. */
  readonly said: Said;
  readonly check: CheckConfig;
  readonly events: ReloadEvents;
  /** Brings these settings into force, or rejects and leaves everything as it was. */
  apply(settings: Settings): Promise<void>;
}

export class ConfigReload {
  readonly #parts: ReloadParts;
  readonly #follower: FileFollower | undefined;
  readonly #started: Config;
  /** Those in force. */
  #settings: Settings;

  /** Follows nothing where there is no file. */
  constructor(settings: Settings, parts: ReloadParts) {
    const { config, fileBytes } = settings;
    this.#settings = settings;
    this.#started = config;
    this.#parts = parts;
    if (fileBytes === undefined) return;
    this.#follower = new FileFollower(config.configFile, fileBytes, {
      limitBytes: CONFIG_LIMIT_BYTES,
      changed: (bytes) => this.take(bytes),
      lost: (problem) => parts.events.refused([problem]),
    });
  }

  start(): void {
    this.#follower?.start();
  }

  stop(): void {
    this.#follower?.stop();
  }

  /** One at a time. */
  async take(bytes: Uint8Array): Promise<void> {
    const { said, check, events, apply } = this.#parts;
    try {
      const { settings: wanted, faults } = readSettings(said, { check, fileBytes: bytes });
      if (faults.length > 0) return events.refused(faults.map(describeFault));
      const { settings, changes, needRestart } = changeOf(this.#settings, wanted, this.#started);
      if (changes.length > 0) await apply(settings);
      this.#settings = settings;
      if (changes.length + needRestart.length === 0) events.unchanged();
      else events.applied(changes, needRestart);
    } catch (error) {
      events.refused(faultsOf(error).map(describeFault));
    }
  }
}

function faultsOf(error: unknown): readonly ConfigFault[] {
  if (error instanceof ConfigError) return error.faults;
  const got = error instanceof Error ? error.message : String(error);
  return [{ path: "the new configuration", expected: "one that can be brought into force", got }];
}

/** The profiles that a replay compares: each from a config file, as serve would read it. */
import { settingFaults } from "../config/check-serve.ts";
import { readSettings } from "../config/load-settings.ts";
import type { ConfigFault } from "../errors.ts";
import { DEFAULT_PROFILE } from "../pods/pool.ts";
import type { Profile } from "../routing/profile.ts";

export interface NamedProfile {
  /** As the user wrote it. */
  readonly label: string;
  readonly profile: Profile;
}

/**
 * `FILE` or `FILE#PROFILE`. Without a name: that of the file's only pool, or the only profile it has, or the default
 * one. A file's faults are added to `faults`.
 */
export function readNamedProfile(label: string, faults: ConfigFault[]): NamedProfile | undefined {
  const [file = "", wanted = ""] = label.split("#");
  const read = readSettings({ args: [`--config-file=${file}`], env: {} }, { check: settingFaults, needsPods: false });
  faults.push(...read.faults);
  const { profiles, pools } = read.settings;
  const name =
    wanted ||
    nameIn(
      [...profiles.keys()],
      pools.map(({ settings }) => settings.profile),
    );
  const profile = profiles.get(name);
  if (profile !== undefined) return { label, profile };
  faults.push({ path: `--profile ${label}`, expected: `one of ${[...profiles.keys()].join(", ")}`, got: name });
  return undefined;
}

function nameIn(profiles: readonly string[], used: readonly string[]): string {
  const [only, ...others] = new Set(used);
  if (only !== undefined && others.length === 0) return only;
  const own = profiles.filter((name) => name !== DEFAULT_PROFILE);
  return own.length === 1 ? (own[0] ?? DEFAULT_PROFILE) : DEFAULT_PROFILE;
}

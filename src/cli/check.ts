/** `pointsman check FILE`: everything that is wrong with a config file, found without a look at the network. */
import { settingFaults } from "../config/check-serve.ts";
import { readSettings, type Said, type Settings } from "../config/load-settings.ts";
import { ConfigError } from "../errors.ts";
import type { Command } from "./command.ts";

export const check: Command = {
  name: "check",
  summary: "Say all that is wrong with a config file: check FILE, and behind it any flags of serve.",
  options: {},
  run: async ([file = "", ...args], { env, out }) => {
    if (file === "" || file.startsWith("-")) {
      const got = file === "" ? "nothing" : `the flag ${file}`;
      throw new ConfigError([{ path: "check", expected: "the path of a config file", got }]);
    }
    const settings = checked({ args: [...args, `--config-file=${file}`], env });
    out(`${file}: ${summaryOf(settings)}`);
    for (const { about, says } of settings.notes) out(`  ${about}: ${says}`);
    return 0;
  },
};

/** Throws a ConfigError with every fault. Flags may be what names the pods, so that a file without any is none. */
export function checked(said: Said): Settings {
  const { settings, faults } = readSettings(said, { check: settingFaults, needsPods: false });
  if (faults.length > 0) throw new ConfigError(faults);
  return settings;
}

function summaryOf({ pools, profiles }: Settings): string {
  const names = pools.map(({ name }) => name || "those that AIBrix's labels name").join(", ");
  return `no faults; pools: ${names || "none, serve needs flags that name pods"}; profiles: ${[...profiles.keys()].join(", ")}`;
}

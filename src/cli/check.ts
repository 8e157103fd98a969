/** `pointsman check FILE`: everything that is wrong with a config file, found without a look at the network. */
import { existsSync } from "node:fs";
import { settingFaults } from "../config/check-serve.ts";
import { credentialFiles } from "../config/file-backends.ts";
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
    for (const { about, says } of [...settings.notes, ...absentKeys(settings)]) out(`  ${about}: ${says}`);
    return 0;
  },
};

/** Throws a ConfigError with every fault. Flags may be what names the pods, so that a file without any is none. */
export function checked(said: Said): Settings {
  const { settings, faults } = readSettings(said, { check: settingFaults, needsPods: false });
  if (faults.length > 0) throw new ConfigError(faults);
  return settings;
}

/** No fault, as secrets may be laid later or elsewhere. What is there instead of a path may be a secret, and is not shown. */
function absentKeys({ backends }: Settings): { readonly about: string; readonly says: string }[] {
  return backends.flatMap((backend) =>
    credentialFiles(backend)
      .filter(([, file]) => !existsSync(file))
      .map(([option]) => ({
        about: `backend ${backend.name}`,
        says: `credential.${option} is no file on this machine`,
      })),
  );
}

function summaryOf({ pools, profiles, backends }: Settings): string {
  const names = pools.map(({ name }) => name || "those that AIBrix's labels name").join(", ");
  const places = backends.map(({ name }) => name).join(", ");
  const podless = places === "" ? "none, serve needs flags that name pods" : "none";
  return `no faults; pools: ${names || podless}; ${places && `backends: ${places}; `}profiles: ${[...profiles.keys()].join(", ")}`;
}

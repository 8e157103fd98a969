/** The configuration in force, for reading: every option with its value and who said so, pools and profiles. */
import { isDeepStrictEqual } from "node:util";
import type { Settings } from "../../config/load-settings.ts";
import type { OptionSpec } from "../../config/option-table.ts";
import { type Config, serveOptions } from "../../config/options.ts";
import type { Profile } from "../../routing/profile.ts";
import type { LastReload } from "../config-report.ts";

export interface OptionView {
  /** As the flag has it. */
  readonly name: string;
  /** As the config file has it; "" where it has none. */
  readonly key: string;
  readonly value: string;
  readonly from: "default" | "flag" | "environment" | "file";
  /** The flag, the variable, or file and line. */
  readonly place: string;
  readonly isDefault: boolean;
  readonly help: string;
}

export interface ConfigView {
  readonly options: readonly OptionView[];
  readonly profiles: readonly {
    readonly name: string;
    readonly scorers: readonly string[];
    readonly filters: readonly string[];
    readonly pick: string;
  }[];
  readonly reload: LastReload | null;
}

/** A list of pods, or a whole file as text, may be long. */
const SHOWN_CHARS = 300;

export function configView({ config, given, profiles }: Settings, reload: LastReload | undefined): ConfigView {
  const options = Object.entries(serveOptions).map(([name, spec]) => {
    const { flag, key, kind, help, default: byDefault } = spec as OptionSpec<unknown>;
    const value = config[name as keyof Config];
    const { from = "default", place = "" } = given.get(name) ?? {};
    return {
      name: flag,
      key,
      value: shown(kind.show(value)),
      from,
      place,
      isDefault: isDeepStrictEqual(value, byDefault),
      help,
    } as const;
  });
  return {
    options,
    profiles: [...profiles].map(([name, profile]) => profileView(name, profile)),
    reload: reload ?? null,
  };
}

function profileView(name: string, { scorers, filters, picker }: Profile): ConfigView["profiles"][number] {
  return {
    name,
    scorers: scorers.map(({ scorer, weight }) => `${scorer.name} × ${weight}`),
    filters: filters.map(({ filter }) => filter.name),
    pick: picker.picker.name,
  };
}

function shown(text: string): string {
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}...`;
}

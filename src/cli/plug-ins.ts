/** `pointsman plug-ins`: what the profiles of a config file may use, with all options. */
import { builtInScorers } from "../../scorers/index.ts";
import type { PlugIn } from "../config/file-plug-ins.ts";
import { loadConfig } from "../config/load-config.ts";
import { pluginOptionRows } from "../config/plugin-options.ts";
import { builtInFilters } from "../routing/filters/index.ts";
import { builtInPickers } from "../routing/pickers.ts";
import { type Command, helpRow } from "./command.ts";

interface Described extends PlugIn {
  readonly summary: string;
}

const kinds: readonly { readonly title: string; readonly all: readonly Described[] }[] = [
  { title: "Scorers, each with a weight:", all: builtInScorers },
  { title: "Filters:", all: builtInFilters },
  { title: "Pickers:", all: builtInPickers },
];

export const plugIns: Command = {
  name: "plug-ins",
  summary: "List the scorers, filters and pickers that a config file may use, with their options.",
  options: {},
  run: async (args, { env, out }) => {
    loadConfig({}, args, env);
    for (const { title, all } of kinds) {
      out(title);
      for (const each of all) for (const line of linesOf(each)) out(line);
      out("");
    }
    return 0;
  },
};

function linesOf({ name, summary, options }: Described): string[] {
  const rows = pluginOptionRows(options);
  const texts = rows.map(({ name: option, expects, default: value, help }) => {
    return helpRow(`  ${option}`, `${help}: ${expects} (${value})`);
  });
  return [helpRow(name, summary), ...texts];
}

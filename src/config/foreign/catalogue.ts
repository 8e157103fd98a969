/** Every plugin type of the Go picker, by name: what becomes of it here. */
import { nearestWord } from "../../discovery/nearest-word.ts";
import { filterPlugins } from "./filters.ts";
import { otherPlugins } from "./other-plugins.ts";
import { pickerPlugins } from "./pickers.ts";
import type { ForeignPlugin } from "./plugin.ts";
import { scorerPlugins } from "./scorers.ts";
import { sessionPlugins } from "./session-plugins.ts";
import { sourcePlugins } from "./source-plugins.ts";

export const foreignPlugins: readonly ForeignPlugin[] = [
  ...scorerPlugins,
  ...sessionPlugins,
  ...filterPlugins,
  ...pickerPlugins,
  ...otherPlugins,
  ...sourcePlugins,
];

const byType = new Map(
  foreignPlugins.flatMap((each) => [each.type, ...(each.older ?? [])].map((name) => [name, each])),
);

/** By its name, or by one that older versions have for it. */
export function foreignPlugin(type: string): ForeignPlugin | undefined {
  return byType.get(type);
}

export function nearestType(type: string): string | undefined {
  return nearestWord(type, [...byType.keys()]);
}

/** The scorers that come with pointsman, in the order they are documented; a test compares this list with the folder. */
import type { ColumnName, OptionSpecs, Scorer } from "../src/scorer.ts";
import kvCache from "./kv-cache.ts";
import prefixCache from "./prefix-cache.ts";
import queueDepth from "./queue-depth.ts";

export const builtInScorers: readonly Scorer<ColumnName, OptionSpecs>[] = [queueDepth, kvCache, prefixCache];

/** A plug-in as the config file uses it: by its name alone, or in a mapping with `use` and its options. */
import { isMap } from "yaml";
import { nearestWord } from "../discovery/nearest-word.ts";
import { quoted } from "../discovery/pod-address.ts";
import type { Field } from "../discovery/yaml-tree.ts";
import { type OptionValues, withDefaults } from "../routing/option-values.ts";
import type { OptionSpecs } from "../scorer.ts";
import type { Fields, FileReading } from "./file-reading.ts";
import { readPluginOptions } from "./plugin-options.ts";

/** What scorers, filters and pickers have in common. */
export interface PlugIn {
  readonly name: string;
  readonly options: OptionSpecs;
}

export interface PlugInUse<P> {
  readonly plugIn: P;
  readonly options: OptionValues;
  readonly place: string;
  /** What stands beside `use` and the options. */
  readonly fields: Fields;
}

/** How a name becomes a plug-in; undefined and a fault where it is the name of none. */
export type Find<P> = (name: string, field: Field) => P | undefined;

/** What is built instead of a plain function, by its tag. */
const kindNames: Readonly<Record<string, string>> = {
  Promise: "a promise",
  AsyncFunction: "an async function",
  GeneratorFunction: "a generator",
  AsyncGeneratorFunction: "an async generator",
};

const noFields: Fields = new Map();

/** `beside` are the keys that are neither `use` nor options. */
export function readUse<P extends PlugIn>(
  reading: FileReading,
  item: Field,
  find: Find<P>,
  beside: readonly string[] = [],
): PlugInUse<P> | undefined {
  const { tree } = reading;
  const { node, place } = item;
  const isMapping = isMap(node);
  const written = isMapping ? (tree.value(item, node, "use") ?? tree.missing(item, "use")) : item;
  const name = tree.text(written, isMapping ? "a name" : "a name, or a mapping with use");
  const plugIn = name === undefined ? undefined : find(name, written);
  // Without it nobody knows which keys are right.
  if (plugIn === undefined) return undefined;
  if (!isMapping) return { plugIn, options: {}, place, fields: noFields };
  const fields = tree.fields(item, node, ["use", ...beside, ...Object.keys(plugIn.options)]);
  return { plugIn, options: readPluginOptions(reading, fields, plugIn.options), place, fields };
}

/** Finds one of those that come with pointsman; `otherwise` says what else may be written. */
export function findIn<P extends PlugIn>({ fault }: FileReading, known: readonly P[], otherwise = ""): Find<P> {
  const names = known.map(({ name }) => name);
  return (name, { place }) => {
    const found = known.find((each) => each.name === name);
    if (found === undefined) {
      fault(place, `one of ${names.join(", ")}${otherwise}`, quoted(name), nearestWord(name, names));
    }
    return found;
  };
}

/** Does it take these options? False, and a fault, where it throws, or builds no function. */
export function builds(
  { fault }: FileReading,
  { plugIn, options, place }: PlugInUse<PlugIn & { build(options: OptionValues): unknown }>,
): boolean {
  const expected = `${plugIn.name} to build a function of these options`;
  try {
    const built = plugIn.build(withDefaults(plugIn.options, options));
    // The kind of function, in its own realm or another: a scorer that is asked has to answer there and then.
    const kind = Object.prototype.toString.call(built).slice(8, -1);
    if (typeof built === "function" && kind === "Function") return true;
    fault(place, expected, kindNames[kind] ?? (built === undefined ? "nothing" : `a value of type ${typeof built}`));
  } catch (error) {
    const [message = ""] = String(error).split("\n", 1);
    fault(place, expected, message.slice(0, 200));
  }
  return false;
}

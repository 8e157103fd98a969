/** References from one part of an EndpointPickerConfig to a plugin in another. */
import { nearestWord } from "../../discovery/nearest-word.ts";
import { quoted } from "../../discovery/pod-address.ts";
import type { Field } from "../../discovery/yaml-tree.ts";
import { foreignPlugin } from "./catalogue.ts";
import type { DocumentReading } from "./document-reading.ts";
import type { Instance } from "./instances.ts";
import type { PluginRole } from "./plugin.ts";

/**
 * The plugin that is meant. Of the roles that the Go picker fills by itself a type does for a name, since its own
 * plugins bear the names of their types.
 */
export function readReference(
  { tree, fault }: DocumentReading,
  field: Field,
  instances: ReadonlyMap<string, Instance>,
  filledIn: PluginRole | undefined,
): Instance | undefined {
  const name = tree.text(field, "the name of a plugin");
  if (name === undefined) return undefined;
  const found = instances.get(name);
  if (found !== undefined) return found;
  const type = foreignPlugin(name);
  if (filledIn !== undefined && type?.role === filledIn && type.fate !== "refused" && type.type !== "file-discovery") {
    return { name, type: name, place: field.place, role: type.role, isDone: true, made: {} };
  }
  // A type where its plugin has another name is the likelier slip.
  const ofType = [...instances.values()].find((each) => each.type === name)?.name;
  const hint = ofType ?? nearestWord(name, [...instances.keys()]);
  fault(field.place, "the name of an entry of plugins", quoted(name), hint);
  return undefined;
}

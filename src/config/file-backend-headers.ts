/** The headers that a backend of the config file sets and removes. */
import { isMap } from "yaml";
import type { Field } from "../discovery/yaml-tree.ts";
import { type FileReading, readFields, writtenText } from "./file-reading.ts";

export interface BackendHeaders {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export const noHeaders: BackendHeaders = { set: [], remove: [] };

const namePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What they say the attempt says itself, or Envoy lets nobody change. */
const taken = /^(host|te|connection|upgrade|transfer-encoding|content-length|content-encoding|x-envoy-.*)$/i;
/** Their values are for a file of their own. */
const secret = /^(authorization|proxy-authorization|cookie|x-api-key|api-key|x-goog-api-key|x-amz-security-token)$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const controls = /[\u0000-\u001f\u007f]/;

export function readHeaders(reading: FileReading, field: Field): BackendHeaders {
  const fields = readFields(reading, field, ["set", "remove"], "a mapping with set and remove");
  const set = fields?.get("set");
  const remove = fields?.get("remove");
  return {
    set: set === undefined ? [] : readSet(reading, set),
    remove: remove === undefined ? [] : readRemoved(reading, remove),
  };
}

function readSet(reading: FileReading, field: Field): BackendHeaders["set"] {
  const { tree, fault } = reading;
  if (!isMap(field.node)) return tree.wrong(field, "a mapping of headers") ?? [];
  return [...tree.fields(field, field.node)].map(([name, value]) => {
    if (!namePattern.test(name) || taken.test(name)) fault(value.place, "the name of a header that may be set", name);
    else if (secret.test(name)) fault(value.place, "no secrets here: a credential of kind api-key reads a file", name);
    const text = writtenText(value) ?? "";
    if (text === "" || controls.test(text)) tree.wrong(value, "a text of one line");
    // A byte in each character, as headers are written.
    return [name.toLowerCase(), Buffer.from(text).toString("latin1")] as const;
  });
}

function readRemoved({ tree }: FileReading, field: Field): readonly string[] {
  return (tree.items(field, "a list of names of headers") ?? []).flatMap((item) => {
    const expected = "the name of a header that may be removed";
    const name = tree.text(item, expected);
    if (name === undefined) return [];
    if (namePattern.test(name) && !taken.test(name)) return [name.toLowerCase()];
    return tree.wrong(item, expected) ?? [];
  });
}

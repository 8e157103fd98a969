/** The plugins of an EndpointPickerConfig: each read with its own parameters and turned into what it contributes here. */
import { isMap, isScalar } from "yaml";
import { quoted } from "../../discovery/pod-address.ts";
import type { Field } from "../../discovery/yaml-tree.ts";
import { foreignPlugin, nearestType } from "./catalogue.ts";
import type { DocumentReading } from "./document-reading.ts";
import type { Contribution, ForeignPlugin, PluginRole } from "./plugin.ts";

/** One entry of `plugins`. */
export interface Instance {
  readonly name: string;
  /** As it is written. */
  readonly type: string;
  readonly place: string;
  /** undefined where the type is unknown. */
  readonly role: PluginRole | undefined;
  /** False where the fault of it is told already: it is unknown or refused. */
  readonly isDone: boolean;
  readonly made: Contribution;
}

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly field: Field;
  readonly known: ForeignPlugin | undefined;
  readonly values: object | undefined;
}

/** By name, in the order of the document. */
export function readPlugins(reading: DocumentReading, list: Field | undefined): ReadonlyMap<string, Instance> {
  const entries = new Map<string, Entry>();
  for (const field of (list && reading.tree.items(list, "a list of plugins")) ?? []) {
    const entry = readEntry(reading, field);
    if (entry === undefined) continue;
    if (entries.has(entry.name))
      reading.fault(field.place, "each name of a plugin once", `${quoted(entry.name)} again`);
    else entries.set(entry.name, entry);
  }
  // Whoever names the session comes first: others ask for it.
  const session = [...entries.values()].map((entry) => make(entry, undefined, () => undefined).session).find(Boolean);
  const tell = (field: Field) => (expected: string, got: string) => {
    reading.fault(field.place, expected, got);
    return undefined;
  };
  const instances = [...entries.values()].map((entry) => {
    const { name, type, field, known } = entry;
    const made = make(entry, session, tell(field));
    for (const note of made.notes ?? []) reading.notes.push({ about: `plugin ${name}`, says: note });
    const isDone = known !== undefined && known.fate !== "refused";
    return [name, { name, type, place: field.place, role: known?.role, isDone, made }] as const;
  });
  return new Map(instances);
}

function make(
  { known, values }: Entry,
  session: Contribution["session"],
  complain: (expected: string, got: string) => undefined,
): Contribution {
  return known === undefined || values === undefined ? {} : known.make(values, { complain, session });
}

/** The name is the type's where none is given. */
function readEntry({ tree, fault }: DocumentReading, field: Field): Entry | undefined {
  if (!isMap(field.node)) return tree.wrong(field, "a mapping with name, type and parameters");
  const fields = tree.fields(field, field.node, ["name", "type", "parameters"]);
  const typeField = fields.get("type") ?? tree.missing(field, "type");
  const type = tree.text(typeField, "a plugin type of the Go picker");
  const nameField = fields.get("name");
  const name = nameField === undefined ? type : tree.text(nameField, "a text");
  if (type === undefined || name === undefined) return undefined;
  const known = foreignPlugin(type);
  if (known === undefined) fault(typeField.place, "a plugin type of the Go picker", quoted(type), nearestType(type));
  else if (known.fate === "refused") fault(typeField.place, instead(known), `${quoted(type)}${because(known)}`);
  const parametersField = fields.get("parameters");
  const isEmpty =
    parametersField?.node === undefined || (isScalar(parametersField.node) && parametersField.node.value === null);
  const values = isEmpty ? {} : known?.parameters?.read(tree, parametersField);
  return {
    name: name === "" ? type : name,
    type,
    field,
    known,
    values: known?.fate === "refused" ? undefined : values,
  };
}

function instead({ role, ours }: ForeignPlugin): string {
  const any = `a ${role} that is done here`;
  return ours === "" ? any : `${any}; the nearest is ${ours}`;
}

function because({ remark }: ForeignPlugin): string {
  return remark === undefined ? "" : ` (${remark})`;
}

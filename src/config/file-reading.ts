/** What the parts of the config file are read with: the document, where faults go, and what holds without a file. */
import { isMap, isScalar, isSeq } from "yaml";
import type { FaultListener, Field, YamlTree } from "../discovery/yaml-tree.ts";
import { meantBy, type OptionKind } from "./option-kinds.ts";
import type { OptionTable } from "./option-table.ts";
import type { PodConfig } from "./pool-config.ts";

export interface FileReading {
  readonly tree: YamlTree;
  readonly fault: FaultListener;
  /** The options, which are the default of every pool. */
  readonly config: PodConfig;
  /** The file's own, which paths in it start from. */
  readonly folder: string;
}

export type Fields = ReadonlyMap<string, Field>;

/** The keys of a mapping, each of them known; undefined and a fault where it is none. */
export function readFields(
  { tree }: Pick<FileReading, "tree">,
  field: Field,
  known: readonly string[],
  expected: string,
): Fields | undefined {
  return isMap(field.node) ? tree.fields(field, field.node, known) : tree.wrong(field, expected);
}

/** The values of a list that is not empty; none and a fault where it is no such list. */
export function readItems({ tree, fault }: FileReading, field: Field, expected: string): readonly Field[] {
  const items = tree.items(field, expected);
  if (items?.length === 0) fault(field.place, expected, "an empty one");
  return items ?? [];
}

/** A text that says something. */
export function readText({ tree }: FileReading, field: Field, expected: string): string | undefined {
  const text = tree.text(field, expected);
  return text === "" ? tree.wrong(field, expected) : text;
}

/** An option as the file has it. */
interface WrittenOption {
  readonly name: string;
  readonly value: unknown;
  readonly place: string;
}

/** What `fields` say of options, in the way the flags of these options are written; a list also as a list. */
export function readOptions(
  reading: Pick<FileReading, "tree">,
  fields: Fields,
  keys: Readonly<Record<string, string>>,
  table: OptionTable,
): WrittenOption[] {
  return Object.entries(keys).flatMap(([key, name]) => {
    const field = fields.get(key);
    const kind = table[name]?.kind;
    const value = field && kind && readValue(reading, field, kind);
    return field === undefined || value === undefined ? [] : [{ name, value, place: field.place }];
  });
}

/** Numbers and switches as they are written, so that one rule reads them in flags and file. */
export function writtenText({ node }: Field): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === "number" ? (node.source ?? String(node.value)) : String(node.value);
}

function readValue({ tree }: Pick<FileReading, "tree">, field: Field, kind: OptionKind<unknown>): unknown {
  if (kind.isList && isSeq(field.node)) return readList(tree, field, kind);
  const text = writtenText(field);
  if (text === undefined) return tree.wrong(field, kind.expects);
  return kind.parse(text) ?? tree.wrong(field, kind.expects, meantBy(kind, text));
}

/** Each item is what would stand between two commas. */
function readList(tree: YamlTree, field: Field, kind: OptionKind<unknown>): unknown {
  const items = tree.items(field, kind.expects) ?? [];
  const texts = items.map((item) => writtenText(item) ?? "");
  const isGood = (text: string) => text !== "" && !text.includes(",") && kind.parse(text) !== undefined;
  const wrong = items.find((_, at) => !isGood(texts[at] ?? ""));
  if (wrong !== undefined) return tree.wrong(wrong, kind.expects);
  return kind.parse(texts.join(",")) ?? tree.wrong(field, kind.expects);
}

/** A YAML document read with the place of everything: `pods.yaml:7:12 endpoints[1].port`, for faults that can be found. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { nearestWord } from "./nearest-word.ts";
import { quoted } from "./pod-address.ts";

/** Told of a fault: where, what was expected, what was found, what was perhaps meant. */
export type FaultListener = (place: string, expected: string, got: string, hint?: string) => void;

/** A value, its path inside the document, and the place that a fault of it names. */
export interface Field {
  readonly node: Node | undefined;
  readonly path: string;
  readonly place: string;
}

/** Each is resolved by a walk through the document; a file written by people has a handful. */
const ALIAS_LIMIT = 100;

export class YamlTree {
  /** undefined where the text is no YAML; then the faults are told already. */
  readonly root: Field | undefined;
  readonly #file: string;
  readonly #fault: FaultListener;
  readonly #lines = new LineCounter();
  readonly #document: ReturnType<typeof parseDocument>;
  #aliases = 0;

  constructor(text: string, file: string, fault: FaultListener) {
    this.#file = file;
    this.#fault = fault;
    // Keys that stand twice are found by `fields`, with their path.
    const options = { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false, logLevel: "error" } as const;
    this.#document = parseDocument(text, options);
    for (const { code, pos, message } of this.#document.errors) {
      const place = this.#place(pos[0], "");
      if (code === "MULTIPLE_DOCS") fault(place, "one document", "another one");
      else fault(place, "valid YAML", message.split("\n", 1)[0] ?? "");
    }
    if (this.#document.errors.length === 0) this.root = this.#field(this.#document.contents, "");
  }

  /** The values of a list; undefined and a fault where it is none. */
  items(field: Field, expected: string): readonly Field[] | undefined {
    if (!isSeq(field.node)) return this.wrong(field, expected);
    return field.node.items.map((item, i) => this.#field(item as Node, `${field.path}[${i}]`));
  }

  /** A mapping's values by key; a key that is not among `known` and one that stands twice are faults. */
  fields({ path }: Field, map: YAMLMap, known?: readonly string[]): Map<string, Field> {
    const fields = new Map<string, Field>();
    for (const pair of map.items) {
      const keyNode = pair.key as Node;
      const key = isScalar(keyNode) ? String(keyNode.value) : "";
      const inner = [path, key].filter(Boolean).join(".");
      const place = this.#place(keyNode.range?.[0] ?? 0, inner);
      if (!isScalar(keyNode)) this.#fault(place, "a word as key", shown(keyNode));
      else if (known?.includes(key) === false) {
        const expected = known.length === 0 ? "no keys" : `one of ${known.join(", ")}`;
        this.#fault(place, expected, `the key ${quoted(key)}`, nearestWord(key, known));
      } else if (fields.has(key)) this.#fault(place, "each key once", `${quoted(key)} again`);
      else fields.set(key, this.#field(pair.value as Node | null, inner, place));
    }
    return fields;
  }

  /** The value of one key of a mapping that is read in full later; undefined where it is not there. */
  value({ path }: Field, map: YAMLMap, key: string): Field | undefined {
    const pair = map.items.find((each) => isScalar(each.key) && String(each.key.value) === key);
    return pair && this.#field(pair.value as Node | null, [path, key].filter(Boolean).join("."));
  }

  /** What a mapping lacks, at the place of the mapping. */
  missing({ node, path }: Field, key: string): Field {
    const inner = [path, key].filter(Boolean).join(".");
    return { node: undefined, path: inner, place: this.#place(node?.range?.[0] ?? 0, inner) };
  }

  text(field: Field, expected: string): string | undefined {
    const value = isScalar(field.node) ? field.node.value : undefined;
    return typeof value === "string" ? value : this.wrong(field, expected, quotedHint(field.node));
  }

  wrong({ node, place }: Field, expected: string, hint?: string): undefined {
    this.#fault(place, expected, shown(node), hint);
    return undefined;
  }

  #field(written: Node | null, path: string, keyPlace?: string): Field {
    const start = written?.range?.[0];
    const place = start === undefined && keyPlace !== undefined ? keyPlace : this.#place(start ?? 0, path);
    return { node: this.#resolve(written), path, place };
  }

  #resolve(node: Node | null): Node | undefined {
    if (!isAlias(node)) return node ?? undefined;
    if (++this.#aliases <= ALIAS_LIMIT) return node.resolve(this.#document) ?? undefined;
    if (this.#aliases === ALIAS_LIMIT + 1) {
      this.#fault(this.#place(node.range?.[0] ?? 0, ""), `at most ${ALIAS_LIMIT} aliases`, "more");
    }
    return undefined;
  }

  #place(offset: number, path: string): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${Math.max(line, 1)}:${Math.max(col, 1)}${path === "" ? "" : ` ${path}`}`;
  }
}

/** What reads as a number or a switch was perhaps meant as text. */
function quotedHint(node: Node | undefined): string | undefined {
  if (!isScalar(node) || node.value === null || typeof node.value === "string") return undefined;
  return quoted(node.source ?? String(node.value));
}

function shown(node: Node | undefined): string {
  if (isMap(node)) return "a mapping";
  if (isSeq(node)) return "a list";
  if (!isScalar(node) || node.value === null) return "nothing";
  return typeof node.value === "string" ? quoted(node.value) : (node.source ?? String(node.value)).slice(0, 60);
}

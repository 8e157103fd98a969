/** Documents of YAML and the items of their lists, one by one: a list of a whole cluster is never one tree of a parser. */
import { isMap, isSeq, parseAllDocuments } from "yaml";
import { NotPlain, readPlainYaml } from "./plain-yaml.ts";

/** What is not plain takes the whole parser, and that a second for each two of these, and fifty times their memory. */
const LONGEST_ODD = 4 * 1024 * 1024;

/** About as much as takes four seconds. */
const LONGEST = 64 * 1024 * 1024;

/** An item whose kind `isWanted` does not want is passed over unread. Throws where the text is no YAML, or too much of it. */
export function readYaml(text: string, isWanted: (kind: string) => boolean): unknown[] {
  if (text.length > LONGEST) {
    throw new Error(`it is YAML longer than ${LONGEST / 1024 / 1024} MiB: save it as JSON, or one kind at a time`);
  }
  const budget = { left: LONGEST_ODD };
  return documentsIn(text).flatMap((document) => {
    const list = listIn(document);
    if (list === undefined) return treesOf(document, budget);
    const { head, items, indent } = list;
    const kindOf = new RegExp(`^ {${indent}}[- ] kind: (\\S+)$`, "m");
    const trees: unknown[] = [];
    for (const item of items) {
      const [, kind] = kindOf.exec(item) ?? [];
      // Of another list an item may not say what it is.
      if (kind === undefined || isWanted(kind)) trees.push(...treesOf(item, budget).flat());
    }
    const about = treesOf(head, budget)[0];
    return [{ ...(about as object), items: trees }];
  });
}

function treesOf(text: string, budget: { left: number }): unknown[] {
  try {
    return [readPlainYaml(text)];
  } catch (error) {
    if (!(error instanceof NotPlain)) throw error;
    budget.left -= text.length;
    if (budget.left < 0) {
      throw new Error(`${LONGEST_ODD / 1024 / 1024} MiB of it are YAML in another form than kubectl prints`);
    }
    return parsedWhole(text);
  }
}

/** Words and numbers alone are no object. */
function parsedWhole(text: string): unknown[] {
  const documents = parseAllDocuments(text, { uniqueKeys: false, logLevel: "error" });
  if (!Array.isArray(documents)) return [];
  const broken = documents.find(({ errors }) => errors.length > 0);
  if (broken !== undefined) throw broken.errors[0] ?? new Error("no YAML");
  return documents.flatMap((document) =>
    isMap(document.contents) || isSeq(document.contents) ? [document.toJS({ maxAliasCount: 100 })] : [],
  );
}

/** A line of `---` or `...` can be no part of a value that stands further right. */
function documentsIn(text: string): string[] {
  if (!/^(---|\.\.\.)/m.test(text)) return [text];
  const marks = [...text.matchAll(/^(?:---|\.\.\.)[ \t]*\r?$/gm)];
  const starts = [0, ...marks.map(({ index, 0: mark }) => index + mark.length)];
  return starts
    .map((start, at) => text.slice(start, marks[at]?.index ?? text.length))
    .filter((each) => each.trim() !== "");
}

interface ListText {
  /** All but the items. */
  readonly head: string;
  readonly items: readonly string[];
  readonly indent: number;
}

/** undefined where it is no list of blocks. */
function listIn(text: string): ListText | undefined {
  const key = /^items:[ ]*\r?\n(?=( {0,4})- )/m.exec(text);
  if (key === null) return undefined;
  const dashes = `\n${key[1] ?? ""}- `;
  const items: string[] = [];
  let start = key.index + key[0].length;
  for (;;) {
    const next = text.indexOf(dashes, start);
    const item = text.slice(start, next === -1 ? text.length : next + 1);
    if (next !== -1) {
      items.push(item);
      start = next + 1;
      continue;
    }
    // Behind the last item stand the rest of the list's own keys.
    const end = /^[A-Za-z"']/m.exec(item)?.index ?? item.length;
    items.push(item.slice(0, end));
    return { head: `${text.slice(0, key.index)}${item.slice(end)}`, items, indent: key[1]?.length ?? 0 };
  }
}

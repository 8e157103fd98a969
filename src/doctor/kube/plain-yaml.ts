/**
 * YAML as programs print it: blocks, a key a line, no anchors. A twentieth of the time and memory that a parser of all of
 * YAML needs, which gets the rare value that is written in another way.
 */
import { parse } from "yaml";
import { scalarOf } from "./plain-scalar.ts";

/** It may be YAML all the same. */
export class NotPlain extends Error {}

/** One document, without its `---`. Throws a NotPlain where it is not certain of every line. */
export function readPlainYaml(text: string): unknown {
  return new Reader(text).read();
}

const SPACE = 0x20;
const DASH = 0x2d;
const HASH = 0x23;

class Reader {
  readonly #lines: readonly string[];
  #at = 0;
  /** Of the line that is next; -1 at the end. */
  #indent = -1;

  constructor(text: string) {
    // A carriage return belongs to the end of its line.
    this.#lines = text.includes("\r") ? text.split(/\r?\n/) : text.split("\n");
    this.#seek();
  }

  read(): unknown {
    const value = this.#indent === -1 ? null : this.#block(this.#indent);
    if (this.#indent !== -1) this.#refuse();
    return value;
  }

  #block(indent: number): unknown {
    return this.#isItem(indent) ? this.#sequence(indent) : this.#mapping(indent, {});
  }

  #sequence(indent: number): unknown[] {
    const items: unknown[] = [];
    while (this.#indent === indent && this.#isItem(indent)) {
      const line = this.#lines[this.#at] ?? "";
      let from = indent + 1;
      while (line.charCodeAt(from) === SPACE) from++;
      if (line.length === from || line.charCodeAt(from) === HASH) items.push(this.#below(indent));
      else if (isDash(line, from)) this.#refuse();
      else if (keyEnd(line, from) === -1) items.push(this.#scalar(line.slice(from), indent));
      else items.push(this.#mapping(from, {}, true));
    }
    return items;
  }

  /** Its first key may stand behind the dash of the item that it is. */
  #mapping(indent: number, into: Record<string, unknown>, isItem = false): Record<string, unknown> {
    let isFirst = isItem;
    while (isFirst || this.#indent === indent) {
      if (!isFirst && this.#isItem(indent)) break;
      isFirst = false;
      const line = this.#lines[this.#at] ?? "";
      const end = keyEnd(line, indent);
      if (end === -1) this.#refuse();
      const key = keyOf(line.slice(indent, end));
      let from = end + 1;
      while (line.charCodeAt(from) === SPACE) from++;
      const isBare = from >= line.length || line.charCodeAt(from) === HASH;
      into[key] = isBare ? this.#below(indent, true) : this.#scalar(line.slice(from), indent);
    }
    if (this.#indent > indent) this.#refuse();
    return into;
  }

  /** What hangs on a key or a dash that has nothing behind it; the items of a key may stand as far left as itself. */
  #below(indent: number, isKey = false): unknown {
    this.#next();
    if (this.#indent > indent) return this.#block(this.#indent);
    return isKey && this.#indent === indent && this.#isItem(indent) ? this.#sequence(indent) : null;
  }

  #scalar(text: string, indent: number): unknown {
    const start = this.#at;
    const isLiteral = text.startsWith("|") || text.startsWith(">");
    this.#next(isLiteral);
    const isMore = isLiteral || this.#indent > indent;
    if (!isMore && text === "{}") return {};
    if (!isMore && text === "[]") return [];
    if (!isMore) {
      const value = scalarOf(text);
      if (value !== undefined) return value;
    }
    // A value of several lines, or in braces: all that stands further right.
    this.#at = start + 1;
    while (this.#at < this.#lines.length && this.#isWithin(indent)) this.#at++;
    const rest = this.#lines.slice(start + 1, this.#at);
    this.#seek();
    return literalOf(text, rest) ?? parsed([`a: ${text}`, ...rest].join("\n"));
  }

  #isWithin(indent: number): boolean {
    const line = this.#lines[this.#at] ?? "";
    return line.trim() === "" || indentOf(line) > indent;
  }

  #next(isLiteral = false): void {
    this.#at++;
    // What stands in a literal is neither a comment nor anything else.
    if (!isLiteral) this.#seek();
  }

  #seek(): void {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at] ?? "";
      const indent = indentOf(line);
      if (indent === line.length || line.charCodeAt(indent) === HASH) continue;
      if (line.charCodeAt(indent) === 0x09) this.#refuse();
      this.#indent = indent;
      return;
    }
    this.#indent = -1;
  }

  #isItem(indent: number): boolean {
    return isDash(this.#lines[this.#at] ?? "", indent);
  }

  #refuse(): never {
    throw new NotPlain(`line ${this.#at + 1} is not as programs write it`);
  }
}

function isDash(line: string, at: number): boolean {
  return line.charCodeAt(at) === DASH && (line.length === at + 1 || line.charCodeAt(at + 1) === SPACE);
}

function indentOf(line: string): number {
  let indent = 0;
  while (line.charCodeAt(indent) === SPACE) indent++;
  return indent;
}

/** Where the colon of the key is that begins here; -1 where none does. */
function keyEnd(line: string, from: number): number {
  const first = line[from] ?? "";
  if (first === '"' || first === "'") {
    const close = line.indexOf(`${first}:`, from + 1);
    const after = line[close + 2];
    return close !== -1 && (after === undefined || after === " ") ? close + 1 : -1;
  }
  if ("[{&*!|>%@`?#,]}".includes(first)) return -1;
  const inside = line.indexOf(": ", from);
  if (inside !== -1) return inside;
  return line.endsWith(":") ? line.length - 1 : -1;
}

function keyOf(text: string): string {
  const key = /^["']/.test(text) ? scalarOf(text) : text;
  // The name of what every object has is no key of its own; and a comment is none.
  if (typeof key !== "string" || key === "__proto__" || key === "<<" || key.includes(" #")) throw new NotPlain(text);
  return key;
}

/** `|` and `|-` with lines that are indented alike; undefined for all else. */
function literalOf(head: string, lines: readonly string[]): string | undefined {
  if (head !== "|" && head !== "|-") return undefined;
  const first = lines.find((line) => line.trim() !== "");
  if (first === undefined) return undefined;
  const indent = indentOf(first);
  if (lines.some((line) => line.trim() !== "" && indentOf(line) < indent)) return undefined;
  const text = lines
    .map((line) => line.slice(indent))
    .join("\n")
    .replace(/\n+$/, "");
  return head === "|" ? `${text}\n` : text;
}

/** An anchor or an alias has its other end elsewhere. */
function parsed(text: string): unknown {
  if (/^a: [&*]/.test(text)) throw new NotPlain("an anchor or an alias");
  try {
    return (parse(text, { uniqueKeys: false, logLevel: "error" }) as { readonly a: unknown }).a;
  } catch {
    throw new NotPlain(text.slice(0, 60));
  }
}

/** A layer of an image: a tar in which the same files are the same bytes, whoever packs them, whenever. */
import { lstatSync, readFileSync } from "node:fs";

/** What of a file stands in a layer; its owner is root, and its time 1970. */
interface LayerFile {
  readonly content: Buffer;
  readonly isProgram: boolean;
}

const BLOCK = 512;
/** Longer names need a record of their own before the file. */
const LONGEST_NAME = 100;

export class ImageLayer {
  /** By path in the image, without the slash at its head. */
  readonly #files = new Map<string, LayerFile>();

  add(path: string, content: Buffer, isProgram = false): void {
    this.#files.set(path.replace(/^\/+/, ""), { content, isProgram });
  }

  /** Links are followed: a layer has none. */
  addFile(path: string, source: string): void {
    const content = readFileSync(source);
    const isProgram = (lstatSync(source).mode & 0o111) !== 0 || path.includes(".so");
    this.add(path, content, isProgram);
  }

  /** Folders come before what they hold; two blocks of nothing are the end. */
  toTar(): Buffer {
    const parts: Buffer[] = [];
    for (const folder of foldersOf(this.#files.keys())) parts.push(...entry(`${folder}/`, Buffer.of(), 0o755, "5"));
    for (const [path, { content, isProgram }] of [...this.#files].sort(byPath)) {
      parts.push(...entry(path, content, isProgram ? 0o755 : 0o644, "0"));
    }
    return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
  }
}

function byPath([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}

function foldersOf(paths: Iterable<string>): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/").slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join("/"));
  }
  return [...folders].sort();
}

function entry(name: string, content: Buffer, mode: number, type: string): Buffer[] {
  const parts = Buffer.byteLength(name) > LONGEST_NAME ? entry("long-name", paxRecord(name), 0o644, "x") : [];
  const padding = (BLOCK - (content.length % BLOCK)) % BLOCK;
  return [...parts, header(name, content.length, mode, type), content, Buffer.alloc(padding)];
}

/** "length path=name\n", where the length counts its own digits. */
function paxRecord(name: string): Buffer {
  const rest = ` path=${name}\n`;
  const bare = Buffer.byteLength(rest);
  const digits = String(bare + String(bare).length).length;
  return Buffer.from(`${bare + digits}${rest}`);
}

function header(name: string, size: number, mode: number, type: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, "latin1");
  // What follows a long-name record has only the head of its name here.
  Buffer.from(name).copy(block, 0, 0, LONGEST_NAME);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  // The sum of all bytes, of which its own eight count as spaces.
  block.write("        ", 148, "latin1");
  block.write(type, 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

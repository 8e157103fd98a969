/** The files below what was named: each once, whatever links lead to it, and with a word on what could not be entered. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Unread } from "../evidence.ts";

export interface Walk {
  /** In the order of the names. */
  readonly files: readonly string[];
  readonly unread: readonly Unread[];
}

/** What a bundle tells of itself; it is no evidence. */
export const bundleContents = "CONTENTS.txt";

const DEEPEST = 6;
/** No evidence. */
const passedOver = new Set([".git", "node_modules", bundleContents]);

/** Ends with so many files, however many there are. */
export async function walk(paths: readonly string[], most: number): Promise<Walk> {
  const walker = new Walker(most);
  for (const path of paths) await walker.enter(path);
  return walker;
}

class Walker implements Walk {
  readonly files: string[] = [];
  readonly unread: Unread[] = [];
  readonly #most: number;
  readonly #known = new Set<string>();
  #isFull = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** One that was named by itself, and not found in a folder. */
  async enter(path: string): Promise<void> {
    const before = this.files.length + this.unread.length;
    const isNew = await this.#visit(path, 0);
    if (isNew && this.files.length + this.unread.length === before) this.#refuse(path, "no file is in it");
  }

  /** Tells whether it was met for the first time. */
  async #visit(path: string, depth: number): Promise<boolean> {
    try {
      const real = await realpath(path);
      if (this.#known.has(real)) return false;
      this.#known.add(real);
      const facts = await stat(real);
      if (facts.isFile()) this.#take(path);
      else if (!facts.isDirectory()) this.#refuse(path, "it is neither a file nor a folder");
      else if (depth >= DEEPEST) this.#refuse(path, `folders are opened ${DEEPEST} deep, and this is deeper`);
      else await this.#visitAll(path, depth);
    } catch (error) {
      this.#refuse(path, error instanceof Error ? error.message : String(error));
    }
    return true;
  }

  async #visitAll(path: string, depth: number): Promise<void> {
    const names = (await readdir(path)).filter((name) => !passedOver.has(name)).sort();
    // A volume of Kubernetes has its files in a hidden folder, and links to them beside it: those bear the names.
    const hidden = (name: string) => name.startsWith(".");
    for (const name of [...names.filter((each) => !hidden(each)), ...names.filter(hidden)]) {
      if (this.#isFull) return;
      await this.#visit(join(path, name), depth + 1);
    }
  }

  #take(path: string): void {
    if (this.files.length < this.#most) {
      this.files.push(path);
      return;
    }
    if (!this.#isFull)
      this.#refuse(path, `${this.#most} files were found before it: it and all behind it are not opened`);
    this.#isFull = true;
  }

  #refuse(source: string, why: string): void {
    this.unread.push({ source, why });
  }
}

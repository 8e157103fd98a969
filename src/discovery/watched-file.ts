/** A file that is read again and again, and watched through every way files are replaced. */
import { type FSWatcher, watch } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../errors.ts";

export interface WatchedFileParts {
  /** At most one byte more is read, which is then seen to be too much. */
  readonly limitBytes: number;
  /** Called some time after an event that may be a change. */
  readonly changed: () => void;
  readonly settleMs?: number | undefined;
}

/** From an event to the call: a file is often written in several steps, and a folder may be busy with other files. */
const SETTLE_MS = 50;

export class WatchedFile {
  readonly #path: string;
  readonly #parts: WatchedFileParts;
  readonly #watched = new Map<string, { readonly identity: string; readonly watcher: FSWatcher }>();
  #settling: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, parts: WatchedFileParts) {
    this.#path = path;
    this.#parts = parts;
  }

  /** Its bytes at present. Rejects with a sentence where it cannot be read. */
  async read(signal?: AbortSignal): Promise<Buffer> {
    // Watched before it is read: what changes in between is seen by one of them.
    await this.#watchFolders(signal);
    return load(this.#path, this.#parts.limitBytes);
  }

  /** Differs after every change, also where the bytes do not: a writer may empty the file again and again. */
  async stamp(): Promise<string> {
    const found = await stat(this.#path, { bigint: true }).catch(() => undefined);
    return found === undefined ? "" : `${found.ino}:${found.size}:${found.mtimeNs}`;
  }

  /** When it was last written; NaN where it is not there. */
  async changedAtMs(): Promise<number> {
    return (await stat(this.#path).catch(() => undefined))?.mtimeMs ?? Number.NaN;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#settling);
    for (const folder of [...this.#watched.keys()]) this.#unwatch(folder);
  }

  /**
   * The folder of the path and that of the file it leads to: a rename shows in the one, a rewrite behind a link in
   * the other. A ConfigMap's swap of its `..data` link shows in the first.
   */
  async #watchFolders(signal: AbortSignal | undefined): Promise<void> {
    const file = await realpath(this.#path).catch(() => this.#path);
    const wanted = new Map<string, string>();
    for (const folder of [dirname(this.#path), dirname(file)]) {
      const identity = await identityOf(folder);
      if (identity !== undefined) wanted.set(folder, identity);
    }
    if (this.#closed || signal?.aborted) return;
    for (const [folder, { identity }] of this.#watched) if (wanted.get(folder) !== identity) this.#unwatch(folder);
    for (const [folder, identity] of wanted) if (!this.#watched.has(folder)) this.#watch(folder, identity);
  }

  #watch(folder: string, identity: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#tellSoon());
      watcher.on("error", () => this.#unwatch(folder));
      this.#watched.set(folder, { identity, watcher });
    } catch {
      // Watches may be used up or not supported; the next look comes without them.
    }
  }

  #unwatch(folder: string): void {
    this.#watched.get(folder)?.watcher.close();
    this.#watched.delete(folder);
  }

  /** Further events do not put it off, so that a busy folder cannot either. */
  #tellSoon(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      this.#parts.changed();
    }, this.#parts.settleMs ?? SETTLE_MS).unref();
  }
}

/** Tells a folder from another that takes its place; numbers of inodes are used again. */
async function identityOf(folder: string): Promise<string | undefined> {
  const found = await stat(folder).catch(() => undefined);
  return found && `${found.dev}:${found.ino}:${found.birthtimeMs}`;
}

async function load(path: string, limitBytes: number): Promise<Buffer> {
  try {
    // Opening a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw new Error(`${path} is not a file`);
    await using file = await open(path);
    const bytes = Buffer.alloc(Math.min((await file.stat()).size, limitBytes) + 1);
    let size = 0;
    for (let more = 1; more > 0 && size < bytes.length; size += more) {
      more = (await file.read(bytes, size, bytes.length - size)).bytesRead;
    }
    return bytes.subarray(0, size);
  } catch (error) {
    if (codeOf(error) === "ENOENT") throw new Error(`${path} is not there`);
    throw codeOf(error) === "" ? error : new Error(`${path} cannot be read: ${codeOf(error)}`);
  }
}

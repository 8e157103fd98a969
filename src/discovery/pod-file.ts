/**
 * Pods from a file, followed through every way files are replaced. Change events bring the next look forward; a look
 * every few seconds finds what they miss, as on network file systems. What is still being written is not believed: half
 * a list may read well, with pods missing and a last port cut short.
 */
import { type FSWatcher, watch } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ConfigFault, codeOf, describeFault } from "../errors.ts";
import { parseApart } from "./parse-apart.ts";
import type { PodFileContent } from "./pod-roll.ts";
import type { PodSource, SourceEvents } from "./pod-source.ts";
import { POD_FILE_LIMIT_BYTES } from "./read-pod-file.ts";
import { RepeatedLook, type Sight } from "./repeated-look.ts";

export interface PodFileParts {
  readonly lookMs?: number;
  readonly settleMs?: number;
  /** Waits as long as a file has to keep still until it is believed. */
  readonly rest?: (signal: AbortSignal) => Promise<unknown>;
}

const LOOK_MS = 5_000;
/** From an event to the look: a file is often written in several steps, and a folder may be busy with other files. */
const SETTLE_MS = 50;
/** Whoever writes a file in place pauses less between two pieces of it. */
const REST_MS = 500;

export class PodFile implements PodSource {
  readonly name: string;
  readonly perishable = true;
  readonly #path: string;
  readonly #looks: RepeatedLook;
  readonly #lookMs: number;
  readonly #settleMs: number;
  readonly #rest: NonNullable<PodFileParts["rest"]>;
  readonly #watched = new Map<string, { readonly identity: string; readonly watcher: FSWatcher }>();
  /** The bytes read last, and what they say. */
  #bytes: Buffer = Buffer.alloc(0);
  #content: PodFileContent | undefined;
  #settling: NodeJS.Timeout | undefined;

  constructor(path: string, { lookMs = LOOK_MS, settleMs = SETTLE_MS, rest = restWhile }: PodFileParts = {}) {
    this.name = `file ${path}`;
    this.#path = path;
    this.#lookMs = lookMs;
    this.#settleMs = settleMs;
    this.#rest = rest;
    this.#looks = new RepeatedLook({ name: this.name, look: (signal) => this.#look(signal), retryMs: lookMs });
  }

  start(events: SourceEvents): Promise<void> {
    return this.#looks.start(events);
  }

  stop(): void {
    this.#looks.stop();
    clearTimeout(this.#settling);
    for (const folder of [...this.#watched.keys()]) this.#unwatch(folder);
  }

  async #look(signal: AbortSignal): Promise<Sight> {
    // Watched before it is read: what changes in between is seen by one of them.
    await this.#watchFolders(signal);
    const bytes = await this.#loadAtRest(signal);
    if (this.#content === undefined || !bytes.equals(this.#bytes)) {
      this.#content = await parseApart(bytes, this.#path, signal);
      this.#bytes = bytes;
    }
    if ("faults" in this.#content) throw new Error(sentence(this.#content.faults));
    return { pods: this.#content.pods, againMs: this.#lookMs };
  }

  /**
   * New bytes count when a second look finds the same. Neither another inode nor the newline at the end would tell as
   * much: editors delete and write anew, and people leave the last one away. A file that never keeps still exhausts the
   * patience of the look, which is told as a failure.
   */
  async #loadAtRest(signal: AbortSignal): Promise<Buffer> {
    let { bytes, changedAtMs } = await load(this.#path);
    const isFirst = this.#content === undefined;
    // Nobody waits half a second for a file that lay there before the start.
    if (isFirst && Date.now() - changedAtMs >= REST_MS) return bytes;
    while (isFirst || !bytes.equals(this.#bytes)) {
      await this.#rest(signal);
      const again = await load(this.#path);
      if (again.bytes.equals(bytes)) break;
      bytes = again.bytes;
    }
    return bytes;
  }

  /**
   * The folder of the path and that of the file it leads to: a rename shows in the one, a rewrite behind a link in
   * the other. A ConfigMap's swap of its `..data` link shows in the first.
   */
  async #watchFolders(signal: AbortSignal): Promise<void> {
    const file = await realpath(this.#path).catch(() => this.#path);
    const wanted = new Map<string, string>();
    for (const folder of [dirname(this.#path), dirname(file)]) {
      const identity = await identityOf(folder);
      if (identity !== undefined) wanted.set(folder, identity);
    }
    if (signal.aborted) return;
    for (const [folder, { identity }] of this.#watched) if (wanted.get(folder) !== identity) this.#unwatch(folder);
    for (const [folder, identity] of wanted) if (!this.#watched.has(folder)) this.#watch(folder, identity);
  }

  #watch(folder: string, identity: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#lookSoon());
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
  #lookSoon(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      this.#looks.lookNow();
    }, this.#settleMs).unref();
  }
}

/** Tells a folder from another that takes its place; numbers of inodes are used again. */
async function identityOf(folder: string): Promise<string | undefined> {
  const found = await stat(folder).catch(() => undefined);
  return found && `${found.dev}:${found.ino}:${found.birthtimeMs}`;
}

function restWhile(signal: AbortSignal): Promise<unknown> {
  return delay(REST_MS, undefined, { signal, ref: false });
}

/** At most one byte more than allowed, which is then seen to be too much. */
async function load(path: string): Promise<{ readonly bytes: Buffer; readonly changedAtMs: number }> {
  try {
    // Opening a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw new Error(`${path} is not a file`);
    await using file = await open(path);
    const found = await file.stat();
    const bytes = Buffer.alloc(Math.min(found.size, POD_FILE_LIMIT_BYTES) + 1);
    let size = 0;
    for (let more = 1; more > 0 && size < bytes.length; size += more) {
      more = (await file.read(bytes, size, bytes.length - size)).bytesRead;
    }
    return { bytes: bytes.subarray(0, size), changedAtMs: found.mtimeMs };
  } catch (error) {
    if (codeOf(error) === "ENOENT") throw new Error(`${path} is not there`);
    throw codeOf(error) === "" ? error : new Error(`${path} cannot be read: ${codeOf(error)}`);
  }
}

function sentence(faults: readonly ConfigFault[]): string {
  const [first, ...more] = faults.map(describeFault);
  return more.length === 0 ? `${first}` : `${first} (and ${more.length} more)`;
}

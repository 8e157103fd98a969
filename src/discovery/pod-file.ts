/**
 * Pods from a file, followed through every way files are replaced. Change events bring the next look forward; a look
 * every few seconds finds what they miss, as on network file systems. What is still being written is not believed: half
 * a list may read well, with pods missing and a last port cut short.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type ConfigFault, describeFault } from "../errors.ts";
import { parseApart } from "./parse-apart.ts";
import type { PodFileContent } from "./pod-roll.ts";
import type { PodSource, SourceEvents } from "./pod-source.ts";
import { POD_FILE_LIMIT_BYTES } from "./read-pod-file.ts";
import { RepeatedLook, type Sight } from "./repeated-look.ts";
import { WatchedFile } from "./watched-file.ts";

export interface PodFileParts {
  readonly lookMs?: number;
  readonly settleMs?: number;
  /** Waits as long as a file has to keep still until it is believed. */
  readonly rest?: (signal: AbortSignal) => Promise<unknown>;
}

const LOOK_MS = 5_000;
/** Whoever writes a file in place pauses less between two pieces of it. */
const REST_MS = 500;

export class PodFile implements PodSource {
  readonly name: string;
  readonly perishable = true;
  readonly #path: string;
  readonly #looks: RepeatedLook;
  readonly #lookMs: number;
  readonly #rest: NonNullable<PodFileParts["rest"]>;
  readonly #file: WatchedFile;
  /** The bytes read last, and what they say. */
  #bytes: Buffer = Buffer.alloc(0);
  #content: PodFileContent | undefined;

  constructor(path: string, { lookMs = LOOK_MS, settleMs, rest = restWhile }: PodFileParts = {}) {
    this.name = `file ${path}`;
    this.#path = path;
    this.#lookMs = lookMs;
    this.#rest = rest;
    this.#looks = new RepeatedLook({ name: this.name, look: (signal) => this.#look(signal), retryMs: lookMs });
    const changed = () => this.#looks.lookNow();
    this.#file = new WatchedFile(path, { limitBytes: POD_FILE_LIMIT_BYTES, changed, settleMs });
  }

  start(events: SourceEvents): Promise<void> {
    return this.#looks.start(events);
  }

  stop(): void {
    this.#looks.stop();
    this.#file.close();
  }

  async #look(signal: AbortSignal): Promise<Sight> {
    const bytes = await this.#readAtRest(signal);
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
  async #readAtRest(signal: AbortSignal): Promise<Buffer> {
    const isFirst = this.#content === undefined;
    const changedAtMs = await this.#file.changedAtMs();
    let bytes = await this.#file.read(signal);
    // Nobody waits half a second for a file that lay there before the start.
    if (isFirst && Date.now() - changedAtMs >= REST_MS) return bytes;
    while (isFirst || !bytes.equals(this.#bytes)) {
      await this.#rest(signal);
      const again = await this.#file.read(signal);
      if (again.equals(bytes)) break;
      bytes = again;
    }
    return bytes;
  }
}

function restWhile(signal: AbortSignal): Promise<unknown> {
  return delay(REST_MS, undefined, { signal, ref: false });
}

function sentence(faults: readonly ConfigFault[]): string {
  const [first, ...more] = faults.map(describeFault);
  return more.length === 0 ? `${first}` : `${first} (and ${more.length} more)`;
}

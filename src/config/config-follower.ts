/** Follows the config file: tells its bytes whenever they have changed and come to rest, and once when they are gone. */
import { setTimeout as delay } from "node:timers/promises";
import { WatchedFile } from "../discovery/watched-file.ts";
import { CONFIG_LIMIT_BYTES } from "./config-file.ts";

export interface FollowerParts {
  /** The next look waits until this is over. */
  changed(bytes: Uint8Array): Promise<void>;
  lost(problem: string): void;
  readonly lookMs?: number;
  readonly restMs?: number;
}

/** Finds what no event tells, as on network file systems. */
const LOOK_MS = 5_000;
/** So long the file must be the same before it is believed: half a file may well be valid YAML. */
const REST_MS = 50;

export class ConfigFollower {
  readonly #parts: FollowerParts;
  readonly #file: WatchedFile;
  readonly #stop = new AbortController();
  /** What was told last; undefined once the file was lost. */
  #told: Buffer | undefined;
  #problem = "";
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #onceMore = false;

  /** `bytes` are those that are known already. */
  constructor(path: string, bytes: Uint8Array, parts: FollowerParts) {
    this.#parts = parts;
    this.#told = Buffer.from(bytes);
    this.#file = new WatchedFile(path, { limitBytes: CONFIG_LIMIT_BYTES, changed: () => this.lookNow() });
  }

  start(): void {
    this.lookNow();
  }

  stop(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.#file.close();
  }

  /** A look under way may have missed what gave rise to this, and is repeated. */
  lookNow(): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    if (this.#looking) this.#onceMore = true;
    else void this.#look();
  }

  async #look(): Promise<void> {
    this.#looking = true;
    try {
      await this.#tell(await this.#atRest());
    } catch {
      // Only the end of the process breaks off a wait.
    }
    this.#looking = false;
    const { lookMs = LOOK_MS } = this.#parts;
    if (!this.#stop.signal.aborted) {
      this.#timer = setTimeout(() => this.lookNow(), this.#onceMore ? 0 : lookMs).unref();
    }
    this.#onceMore = false;
  }

  /** The file, or why there is none, as two reads in a row find it. */
  async #atRest(): Promise<Buffer | string> {
    let [found, stamp] = await this.#read();
    while (typeof found === "string" ? found !== this.#problem : this.#told?.equals(found) !== true) {
      await delay(this.#parts.restMs ?? REST_MS, undefined, { signal: this.#stop.signal });
      const before = { found, stamp };
      [found, stamp] = await this.#read();
      if (stamp === before.stamp && isSame(found, before.found)) break;
    }
    return found;
  }

  async #read(): Promise<[found: Buffer | string, stamp: string]> {
    const stamp = await this.#file.stamp();
    const found = await this.#file
      .read(this.#stop.signal)
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    return [found, stamp];
  }

  async #tell(found: Buffer | string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    if (typeof found === "string") {
      if (found !== this.#problem) this.#parts.lost(found);
      this.#problem = found;
      this.#told = undefined;
      return;
    }
    this.#problem = "";
    if (this.#told?.equals(found) === true) return;
    this.#told = found;
    await this.#parts.changed(found);
  }
}

function isSame(one: Buffer | string, other: Buffer | string): boolean {
  return typeof one === "string" || typeof other === "string" ? one === other : one.equals(other);
}

/** Follows one file: tells its bytes whenever they have changed and come to rest, and once when they are gone. */
import { setTimeout as delay } from "node:timers/promises";
import { WatchedFile } from "./watched-file.ts";

export interface FollowerParts {
  /** At most one byte more is told, which is then seen to be too much. */
  readonly limitBytes: number;
  /** The next look waits until this is over. */
  changed(bytes: Uint8Array): Promise<void>;
  lost(problem: string): void;
  readonly lookMs?: number;
  readonly restMs?: number;
}

/** Finds what no event tells, as on network file systems. */
const LOOK_MS = 5_000;
/** So long the file must be the same before it is believed: half of what is written may well make sense. */
const REST_MS = 50;

export class FileFollower {
  readonly #parts: FollowerParts;
  readonly #file: WatchedFile;
  readonly #stop = new AbortController();
  /** What was told last; undefined once the file was lost. */
  #told: Buffer | undefined;
  /** Was anything told, or known before? */
  #isKnown: boolean;
  #problem = "";
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #onceMore = false;

  /** `bytes` are those that are known already; without them the first look tells what it finds. */
  constructor(path: string, bytes: Uint8Array | undefined, parts: FollowerParts) {
    this.#parts = parts;
    this.#told = bytes && Buffer.from(bytes);
    this.#isKnown = bytes !== undefined;
    this.#file = new WatchedFile(path, { limitBytes: parts.limitBytes, changed: () => this.lookNow() });
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
    const { restMs = REST_MS } = this.#parts;
    const ageMs = Date.now() - (await this.#file.changedAtMs());
    let [found, stamp] = await this.#read();
    // Nobody waits for a file that lay there before the start.
    if (!this.#isKnown && ageMs >= restMs && (await this.#file.stamp()) === stamp) return found;
    while (typeof found === "string" ? found !== this.#problem : this.#told?.equals(found) !== true) {
      await delay(restMs, undefined, { signal: this.#stop.signal });
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
    this.#isKnown = true;
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

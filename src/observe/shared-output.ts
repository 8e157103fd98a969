/**
 * Standard output, for the log and for what else goes there: one writes at a time, so that no line stands in the middle of
 * another, and nobody waits for who reads it.
 */
import { writeSync } from "node:fs";
import type { DestinationStream } from "pino";
import { writeWhole } from "./write-whole.ts";

const STDOUT = 1;
/** More than that of the log does not wait for a reader that hangs. */
const LIMIT_CHARACTERS = 4 * 1024 * 1024;
const LOST = "lines of the log were dropped: standard output was not read";

export class SharedOutput implements DestinationStream {
  readonly #limit: number;
  readonly #put: (text: string) => Promise<unknown>;
  #isBusy = false;
  #isTorn = false;
  #waiting: string[] = [];
  #length = 0;
  #dropped = 0;
  #holder: (() => void) | undefined;

  constructor(
    put = (text: string): Promise<unknown> => writeWhole(STDOUT, Buffer.from(text)),
    limit = LIMIT_CHARACTERS,
  ) {
    this.#put = put;
    this.#limit = limit;
  }

  /** A line of the log. */
  write(line: string): void {
    if (this.#length + line.length > this.#limit) this.#dropped++;
    else {
      this.#waiting.push(line);
      this.#length += line.length;
    }
    this.#pump();
  }

  /** Resolves when it is the caller's, until `release`; for one caller at a time. */
  hold(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#isBusy) this.#holder = resolve;
    else {
      this.#isBusy = true;
      resolve();
    }
    return promise;
  }

  /** `isTorn`: what was written last has no end of line. */
  release(isTorn: boolean): void {
    this.#isTorn = isTorn;
    this.#isBusy = false;
    this.#pump();
  }

  /** Resolves when nothing is being written. */
  async rest(): Promise<void> {
    await this.hold();
    this.release(this.#isTorn);
  }

  /** At the end of the process: what waits, at once. */
  end(): void {
    const text = this.#take();
    try {
      if (text !== "") writeSync(STDOUT, text);
    } catch {
      // Nobody reads it.
    }
  }

  #pump(): void {
    if (this.#isBusy || this.#waiting.length === 0) return;
    this.#isBusy = true;
    void this.#put(this.#take()).then(() => this.#next());
  }

  #next(): void {
    const holder = this.#holder;
    this.#holder = undefined;
    this.#isBusy = holder !== undefined;
    if (holder === undefined) this.#pump();
    else holder();
  }

  #take(): string {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#length = 0;
    if (this.#dropped > 0) lines.push(`${JSON.stringify({ level: 40, msg: LOST, lines: this.#dropped })}\n`);
    this.#dropped = 0;
    const before = this.#isTorn ? "\n" : "";
    this.#isTorn = false;
    return lines.length === 0 ? "" : before + lines.join("");
  }
}

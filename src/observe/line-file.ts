/**
 * Appends lines to a file, or to standard output, without ever holding up who writes them: lines wait in memory up to a
 * limit, what does not fit is dropped and counted. A file that was renamed or removed is opened anew under its name, as
 * log rotation wants it.
 */
import { CutWrite, LineTarget } from "./line-target.ts";
import type { SharedOutput } from "./shared-output.ts";

export interface LineFileEvents {
  written(lines: number): void;
  dropped(lines: number): void;
  /** Told once until it works again. */
  failed(error: unknown): void;
  /** A write takes seconds; told once until one is over. */
  hangs(): void;
  recovered(): void;
}

export interface LineFileOptions {
  readonly limitBytes?: number;
  readonly lookMs?: number;
  readonly hangMs?: number;
  /** Whom standard output is shared with. */
  readonly output?: SharedOutput | undefined;
}

/** So much may wait: some seconds of a disk that hangs. */
const LIMIT_BYTES = 16 * 1024 * 1024;
const FLUSH_MS = 100;
const LOOK_MS = 1_000;
const HANG_MS = 3_000;
/** So long an end waits for the last lines. */
const CLOSE_MS = 1_000;
/** And so long for a full pipe to be left alone. */
const GIVE_UP_MS = 200;

export class LineFile {
  readonly #target: LineTarget;
  readonly #events: LineFileEvents;
  readonly #limitBytes: number;
  readonly #hangMs: number;
  readonly #output: SharedOutput | undefined;
  #lines: string[] = [];
  /** Lines that are being written. */
  #inHand = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #isInTrouble = false;
  #isClosed = false;

  constructor(path: string, events: LineFileEvents, options: LineFileOptions = {}) {
    const { limitBytes = LIMIT_BYTES, lookMs = LOOK_MS, hangMs = HANG_MS, output } = options;
    this.#target = new LineTarget(path, lookMs, output);
    this.#events = events;
    this.#output = path === "stdout" ? output : undefined;
    this.#limitBytes = limitBytes;
    this.#hangMs = hangMs;
  }

  /** Without the end of line. */
  add(line: string): void {
    if (this.#isClosed || this.#bytes + line.length > this.#limitBytes) {
      this.#events.dropped(1);
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length + 1;
    this.#timer ??= setTimeout(() => this.#flushSoon(), FLUSH_MS).unref();
  }

  /** Resolves when all that waits is written, or has failed. */
  async flush(): Promise<void> {
    await this.#writing;
    await this.#flushSoon();
  }

  /** Resolves in time whatever the disk does; what is not written by then is dropped. True: all writes are over. */
  async close(withinMs = CLOSE_MS): Promise<boolean> {
    const flushed = this.flush();
    let isOver = await within(flushed, withinMs);
    if (!isOver) {
      this.#target.giveUp();
      isOver = await within(flushed, GIVE_UP_MS);
    }
    clearTimeout(this.#timer);
    this.#isClosed = true;
    const left = this.#inHand + this.#lines.length;
    this.#lines = [];
    if (left > 0) this.#events.dropped(left);
    if (!isOver) this.#inTrouble(() => this.#events.hangs());
    // Where a write hangs its file stays open: to close it would hang too.
    if (isOver) await this.#target.letGo();
    // A line of the log may hang there just as well.
    if (isOver && this.#output !== undefined) isOver = await within(this.#output.rest(), withinMs);
    return isOver;
  }

  #flushSoon(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#lines.length > 0) this.#timer ??= setTimeout(() => this.#flushSoon(), FLUSH_MS).unref();
    });
    return this.#writing;
  }

  /** Lines that cannot be written are gone: to keep them would be to write none of the next. */
  async #writeAll(): Promise<void> {
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lines = [];
    this.#bytes = 0;
    this.#inHand = lines.length;
    const timer = setTimeout(() => this.#inTrouble(() => this.#events.hangs()), this.#hangMs).unref();
    const fault = await this.#target.append(lines).catch((error: unknown) => error);
    clearTimeout(timer);
    this.#inHand = 0;
    // Who waited no longer has counted them as dropped.
    if (this.#isClosed) return;
    const written = fault instanceof CutWrite ? fault.lines : lines.length;
    if (written > 0) this.#events.written(written);
    if (written < lines.length) this.#events.dropped(lines.length - written);
    if (fault instanceof CutWrite) this.#inTrouble(() => this.#events.failed(fault.cause));
    else if (this.#isInTrouble) {
      this.#isInTrouble = false;
      this.#events.recovered();
    }
  }

  #inTrouble(tell: () => void): void {
    if (!this.#isInTrouble) tell();
    this.#isInTrouble = true;
  }
}

/** Was it over in time? */
async function within(work: Promise<void>, ms: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, ms, false);
  void work.then(() => resolve(true));
  const isOver = await promise;
  clearTimeout(timer);
  return isOver;
}

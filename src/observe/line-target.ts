/** Where lines are appended: a file by its name, or standard output. A line that was cut is ended before the next begins. */
import { close, constants, fstat, open, read, stat } from "node:fs";
import { promisify } from "node:util";
import type { SharedOutput } from "./shared-output.ts";
import { writeWhole } from "./write-whole.ts";

const [openAsync, readAsync, statAsync, fstatAsync, closeAsync] = [
  promisify(open),
  promisify(read),
  promisify(stat),
  promisify(fstat),
  promisify(close),
];

/** How far a write came before it failed. */
export class CutWrite extends Error {
  readonly lines: number;

  constructor(lines: number, cause: unknown) {
    super("lines could not all be written", { cause });
    this.lines = lines;
  }
}

const STDOUT = 1;
const LINE_END = 0x0a;
/** A pipe that nobody reads is no place to wait for: with this, opening one fails. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
interface Opened {
  readonly fd: number;
  readonly inode: number;
  readonly device: number;
}

export class LineTarget {
  /** "stdout" is standard output. */
  readonly #path: string;
  readonly #lookMs: number;
  readonly #output: SharedOutput | undefined;
  #opened: Opened | undefined;
  #isTorn = false;
  #isGivenUp = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, lookMs: number, output: SharedOutput | undefined) {
    this.#path = path;
    this.#lookMs = lookMs;
    this.#output = path === "stdout" ? output : undefined;
  }

  /** Rejects with a CutWrite. */
  async append(lines: readonly string[]): Promise<void> {
    await this.#output?.hold();
    try {
      await this.#write(`${lines.join("\n")}\n`);
    } catch (error) {
      await this.letGo();
      throw error instanceof CutWrite ? error : new CutWrite(0, error);
    } finally {
      this.#output?.release(this.#isTorn);
    }
  }

  /** Full pipes are waited for no longer. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  async letGo(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
    if (opened !== undefined) await closeAsync(opened.fd).catch(() => undefined);
  }

  async #write(text: string): Promise<void> {
    const fd = await this.#current();
    const before = this.#isTorn ? "\n" : "";
    const whole = Buffer.from(before + text);
    const { bytes, fault } = await writeWhole(fd, whole, () => this.#isGivenUp);
    const done = whole.subarray(0, bytes);
    if (bytes > 0) this.#isTorn = done.at(-1) !== LINE_END;
    if (fault !== undefined) throw new CutWrite(linesIn(done.subarray(before.length)), fault);
  }

  async #current(): Promise<number> {
    if (this.#path === "stdout") return STDOUT;
    if (this.#opened !== undefined && !(await this.#isCurrent(this.#opened))) await this.letGo();
    this.#opened ??= await this.#open();
    return this.#opened.fd;
  }

  async #open(): Promise<Opened> {
    const fd = await openAsync(this.#path, FLAGS, 0o640);
    const { ino: inode, dev: device, size } = await fstatAsync(fd);
    // Of what is no file its own writes tell.
    if (size > 0) this.#isTorn = await this.#isCut(size);
    return { fd, inode, device };
  }

  /** Has its last line no end, since a process was killed or a disk full? One that cannot be read may have. */
  async #isCut(size: number): Promise<boolean> {
    const last = Buffer.alloc(1);
    try {
      const fd = await openAsync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
      await readAsync(fd, last, 0, 1, size - 1).finally(() => closeAsync(fd));
    } catch {
      return true;
    }
    return last[0] !== LINE_END;
  }

  /** Does the name still stand for the open file? Asked now and then. */
  async #isCurrent({ inode, device }: Opened): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs < this.#lookMs) return true;
    this.#lookedAtMs = nowMs;
    const named = await statAsync(this.#path).catch(() => undefined);
    return named !== undefined && named.ino === inode && named.dev === device;
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (const byte of bytes) if (byte === LINE_END) lines++;
  return lines;
}

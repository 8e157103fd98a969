/** Writes all of some bytes to a file or a pipe, in as many pieces as it takes, on another thread. */
import { write } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { codeOf } from "../errors.ts";

const writeAsync = promisify(write);

/** A full pipe is tried again, so often. */
const FULL_MS = 20;
const FULL_TRIES = 250;

export interface Written {
  readonly bytes: number;
  /** Why it is not all; undefined where it is. */
  readonly fault: unknown;
}

/** A pipe that stays full is given up after seconds, and at once where nobody waits for it any more. */
export async function writeWhole(fd: number, bytes: Buffer, isGivenUp: () => boolean = () => false): Promise<Written> {
  let at = 0;
  let tries = 0;
  while (at < bytes.length) {
    try {
      const { bytesWritten } = await writeAsync(fd, bytes, at, bytes.length - at, null);
      at += bytesWritten;
      tries = 0;
    } catch (fault) {
      if (codeOf(fault) !== "EAGAIN" || ++tries > FULL_TRIES || isGivenUp()) return { bytes: at, fault };
      await delay(FULL_MS, undefined, { ref: false });
    }
  }
  return { bytes: at, fault: undefined };
}

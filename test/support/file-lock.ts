/** A lock between processes: a file that holds the number of the one that has it. */
import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 200;

/**
 * Resolves with what gives the lock back. A holder that died is passed over; two who notice that at the same moment may both
 * get it, so it may save work, but not be what keeps files whole.
 */
export async function holdLock(path: string, onWait: () => void): Promise<() => Promise<void>> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, String(process.pid));
  try {
    for (let isFirst = true; ; isFirst = false) {
      // Unlike a file that is created and then written, a link has its content from the start.
      const isHeld = await link(own, path).then(
        () => true,
        (error: unknown) => {
          if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
          throw error;
        },
      );
      if (isHeld) return () => rm(path, { force: true });
      const holder = Number(await readFile(path, "utf8").catch(() => "0"));
      if (holder !== 0 && !isAlive(holder)) {
        await rm(path, { force: true });
        continue;
      }
      if (isFirst) onWait();
      await delay(POLL_MS);
    }
  } finally {
    await rm(own, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * A Unix socket at a path that others may want as well: it takes the path only from the dead, and gives it back only
 * while it is still its own.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, renameSync, type Stats, statSync, unlinkSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { ConfigError, type ConfigFault, codeOf } from "../errors.ts";

const FLAG = "--grpc-socket";
/** The system's limit is 107, 103 on some; our temporary name may be longer than the name asked for. */
const MAX_PATH_BYTES = 96;

export class UnixSocket {
  readonly #file: string;
  #made: Stats | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Listens under a temporary name beside the path, then moves the socket there: Node deletes what it listened on
   * by name when it closes, and by then the path may be a successor's. Nobody meets a socket without its mode either.
   */
  async listen(listenAt: (file: string) => Promise<unknown>): Promise<void> {
    const faults = socketFaults(this.#file);
    if (faults.length > 0) throw new ConfigError(faults);
    if (await isAlive(this.#file)) throw this.#wrong("a path nobody listens on");
    const temporary = path.join(path.dirname(this.#file), `.${randomBytes(4).toString("hex")}`);
    try {
      await listenAt(temporary);
      // The proxy usually runs as another user of the same pod.
      chmodSync(temporary, 0o666);
      renameSync(temporary, this.#file);
      this.#made = lstatSync(this.#file);
    } catch (error) {
      throw codeOf(error) === "" ? error : this.#wrong(`a path where a socket can be made (${codeOf(error)})`);
    }
  }

  /** To be called while the listener is still open, which keeps the file's number from going to a successor's. */
  remove(): void {
    const made = this.#made;
    this.#made = undefined;
    const found = made === undefined ? undefined : lstatSync(this.#file, { throwIfNoEntry: false });
    if (found === undefined || found.ino !== made?.ino || found.dev !== made.dev) return;
    try {
      unlinkSync(this.#file);
    } catch {
      // It stays behind dead, and the next picker takes the path from it.
    }
  }

  #wrong(expected: string): ConfigError {
    return new ConfigError([{ path: FLAG, expected, got: JSON.stringify(this.#file) }]);
  }
}

/** What a look at the path tells before anything listens; "" is no socket at all. */
export function socketFaults(file: string): ConfigFault[] {
  const wrong = (expected: string) => [{ path: FLAG, expected, got: JSON.stringify(file) }];
  if (file === "") return [];
  if (Buffer.byteLength(file) > MAX_PATH_BYTES) return wrong(`a path of at most ${MAX_PATH_BYTES} bytes`);
  try {
    if (!statSync(path.dirname(file)).isDirectory()) return wrong("a path in a folder that exists");
    const found = lstatSync(file, { throwIfNoEntry: false });
    return found === undefined || found.isSocket() ? [] : wrong("a path with nothing or an old socket at it");
  } catch {
    return wrong("a path in a folder that exists");
  }
}

/** Whether somebody listens; what refuses in another way than a dead socket counts as somebody. */
function isAlive(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect({ path: file }, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", (error) => resolve(!["ENOENT", "ECONNREFUSED"].includes(codeOf(error))));
  });
}

/** A secret's file: what it says, read again whenever it changes. What cannot be used never takes a good value's place. */
import { FileFollower } from "../discovery/file-follower.ts";
import { CredentialMissing } from "./credential.ts";

/** Why a text is no value. `message` has nothing of the text. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}

export interface FollowedFileParts<T> {
  /** What the text says; throws Unusable. */
  read(text: string): T;
  /** There is a new value. */
  changed(): void;
  /** The last good value stays. */
  failed(why: string): void;
  readonly lookMs?: number;
  readonly restMs?: number;
}

const LIMIT_BYTES = 65_536;
/** Whoever writes a file in place pauses less between two pieces of it, and nothing else tells half a key. */
const REST_MS = 500;

export class FollowedFile<T> {
  readonly #path: string;
  readonly #parts: FollowedFileParts<T>;
  readonly #follower: FileFollower;
  readonly #first = Promise.withResolvers<void>();
  #value: { readonly is: T } | undefined;

  constructor(path: string, parts: FollowedFileParts<T>) {
    const { lookMs, restMs = REST_MS } = parts;
    this.#path = path;
    this.#parts = parts;
    this.#follower = new FileFollower(path, undefined, {
      limitBytes: LIMIT_BYTES,
      changed: async (bytes) => this.#take(bytes),
      lost: (problem) => this.#fail(problem),
      restMs,
      ...(lookMs !== undefined && { lookMs }),
    });
  }

  /** Resolves when the file was read for the first time, or could not be. */
  start(): Promise<void> {
    this.#follower.start();
    return this.#first.promise;
  }

  /** Throws CredentialMissing where there has been no good value. */
  get value(): T {
    if (this.#value === undefined) throw new CredentialMissing(`${this.#path} has not been read`);
    return this.#value.is;
  }

  get hasValue(): boolean {
    return this.#value !== undefined;
  }

  close(): void {
    this.#follower.stop();
    this.#first.resolve();
  }

  #take(bytes: Uint8Array): void {
    try {
      this.#value = { is: this.#parts.read(textOf(bytes)) };
    } catch (error) {
      // Whatever else is thrown may quote what it was given.
      const why = error instanceof Unusable ? error.message : "cannot be read";
      this.#fail(`${this.#path} ${why}`);
      return;
    }
    this.#parts.changed();
    this.#first.resolve();
  }

  #fail(why: string): void {
    this.#parts.failed(why);
    this.#first.resolve();
  }
}

/** Without the white space around it: files end with a newline. */
function textOf(bytes: Uint8Array): string {
  if (bytes.length > LIMIT_BYTES) throw new Unusable(`is larger than ${LIMIT_BYTES / 1024} KiB`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
  } catch {
    throw new Unusable("is not UTF-8 text");
  }
  if (text === "") throw new Unusable("is empty");
  return text;
}

/** For a file that holds one secret and nothing else, which may stand in a header. */
export function oneSecret(text: string): string {
  if (!/^[ -~]+$/.test(text)) throw new Unusable("holds control characters, several lines or letters beyond ASCII");
  return text;
}

/**
 * Takes out of an error what let the request in: providers quote the keys that they refuse, and those are the gateway's.
 * What takes their place is as long, so that the answer keeps its length. An answer without them goes on as it came.
 */
import type { AnswerStage } from "./attempt-answer.ts";

/** Whatever is shorter may be a word of any text. */
const LEAST_BYTES = 8;
const MASK = "*";
const nothing: readonly Buffer[] = [];

export class MaskedSecrets implements AnswerStage {
  readonly #secrets: readonly Buffer[];
  /** The end of what came, as far as a secret may begin with it. */
  #held: Buffer | undefined;

  /** undefined where there is nothing that could be found. */
  static of(values: readonly string[]): MaskedSecrets | undefined {
    const secrets = values.filter(({ length }) => length >= LEAST_BYTES);
    return secrets.length === 0 ? undefined : new MaskedSecrets(secrets);
  }

  private constructor(secrets: readonly string[]) {
    this.#secrets = secrets.map((secret) => Buffer.from(secret, "latin1"));
  }

  write(bytes: Buffer): readonly Buffer[] {
    const all = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    const masked = this.#secrets.reduce(withoutSecret, all);
    const kept = Math.max(...this.#secrets.map((secret) => begunAtEnd(masked, secret)));
    this.#held = kept === 0 ? undefined : masked.subarray(masked.length - kept);
    if (kept === 0) return [masked];
    return kept === masked.length ? nothing : [masked.subarray(0, masked.length - kept)];
  }

  end(): readonly Buffer[] {
    const held = this.#held;
    this.#held = undefined;
    return held === undefined ? nothing : [held];
  }
}

/** The same buffer where the secret is not in it; the bytes that came are not ours to change. */
function withoutSecret(bytes: Buffer, secret: Buffer): Buffer {
  let at = bytes.indexOf(secret);
  if (at === -1) return bytes;
  const masked = Buffer.from(bytes);
  for (; at !== -1; at = masked.indexOf(secret, at + secret.length)) masked.fill(MASK, at, at + secret.length);
  return masked;
}

/** How many of the last bytes are the first ones of the secret. */
function begunAtEnd(bytes: Buffer, secret: Buffer): number {
  for (let length = Math.min(secret.length - 1, bytes.length); length > 0; length--) {
    if (bytes.compare(secret, 0, length, bytes.length - length) === 0) return length;
  }
  return 0;
}

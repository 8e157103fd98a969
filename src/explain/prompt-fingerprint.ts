/**
 * A prompt as numbers that tell nothing of it but where two prompts part: a chain of block keys, each encrypted under a
 * key that the process draws at its start and never tells. Equal numbers at equal places are equal heads, within one
 * process; nobody can go from a number to a text by trying texts.
 */
import { createCipheriv, randomBytes } from "node:crypto";
import type { InferenceRequest } from "../request/inference-request.ts";
import { BlockKeys, hashPrompt } from "../request/prompt-blocks.ts";
import { BYTES_PER_TOKEN } from "../scorer.ts";

/** Coarser than caches are, so that a line of a long prompt stays short: 64 tokens. */
const FINGERPRINT_BYTES = 256;
/** Half a million bytes of prompt; where two prompts that long part matters no more. */
const MOST_BLOCKS = 2_048;
const CIPHER_BYTES = 16;
const NUMBER_BYTES = 4;

export const FINGERPRINT_TOKENS = FINGERPRINT_BYTES / BYTES_PER_TOKEN;

export class PromptFingerprint {
  readonly #keys = new BlockKeys(MOST_BLOCKS);
  readonly #plain = Buffer.alloc(MOST_BLOCKS * CIPHER_BYTES);
  readonly #secret: Buffer;

  constructor(secret: Buffer = randomBytes(CIPHER_BYTES)) {
    this.#secret = secret;
  }

  /** Base64 of one 32-bit number a block, the lowest byte first; "" for a prompt shorter than a block. */
  of(request: InferenceRequest): string {
    hashPrompt(request, this.#keys, FINGERPRINT_BYTES);
    const { count, lo, hi } = this.#keys;
    if (count === 0) return "";
    for (let i = 0; i < count; i++) {
      this.#plain.writeUInt32LE(lo[i] ?? 0, i * CIPHER_BYTES);
      this.#plain.writeUInt32LE(hi[i] ?? 0, i * CIPHER_BYTES + NUMBER_BYTES);
    }
    // Keys never repeat within a prompt, so that block by block is enough.
    const cipher = createCipheriv("aes-128-ecb", this.#secret, null).setAutoPadding(false);
    const sealed = cipher.update(this.#plain.subarray(0, count * CIPHER_BYTES));
    const numbers = Buffer.alloc(count * NUMBER_BYTES);
    for (let i = 0; i < count; i++)
      sealed.copy(numbers, i * NUMBER_BYTES, i * CIPHER_BYTES, i * CIPHER_BYTES + NUMBER_BYTES);
    return numbers.toString("base64");
  }
}

/** The numbers of a fingerprint. */
export function readFingerprint(text: string): Int32Array {
  const bytes = Buffer.from(text, "base64");
  return Int32Array.from({ length: Math.floor(bytes.length / NUMBER_BYTES) }, (_, i) =>
    bytes.readInt32LE(i * NUMBER_BYTES),
  );
}

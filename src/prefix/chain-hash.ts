/**
 * Block key -> the number that chooses its chain, under a secret of the process: anybody can make prompts whose blocks
 * have the keys they like, and nobody can make them meet in one chain.
 *
 * The eight bytes of a key are each multiplied by a random word, and the products added up to another one. Of any two
 * keys, whoever chose them without the secret, the sums agree under one secret in 2^25 at most: a byte difference times
 * a random word is random but for its lowest seven bits. Sums of keys that follow a pattern follow one as well, so a
 * mixing that anybody may know, and that makes no two sums equal, spreads them over the chains.
 */
import { randomFillSync } from "node:crypto";

const BYTES_OF_KEY = 8;
// Odd constants with their bits well spread; any such would do.
const FIRST_FACTOR = 0x85ebca6b | 0;
const SECOND_FACTOR = 0x2c1b3c6d;

/** What is added, then what each byte of a key is multiplied by, from the lowest of the low lane on. */
export type ChainSecret = Int32Array;

export class ChainHash {
  readonly #secret: ChainSecret;

  constructor(secret: ChainSecret = randomFillSync(new Int32Array(1 + BYTES_OF_KEY))) {
    this.#secret = secret;
  }

  of(lo: number, hi: number): number {
    const secret = this.#secret;
    const low = Math.imul(secret[1]!, lo & 255) + Math.imul(secret[2]!, (lo >>> 8) & 255);
    const lower = Math.imul(secret[3]!, (lo >>> 16) & 255) + Math.imul(secret[4]!, lo >>> 24);
    const high = Math.imul(secret[5]!, hi & 255) + Math.imul(secret[6]!, (hi >>> 8) & 255);
    const upper = Math.imul(secret[7]!, (hi >>> 16) & 255) + Math.imul(secret[8]!, hi >>> 24);
    let sum = (secret[0]! + (low | 0) + (lower | 0) + (high | 0) + (upper | 0)) | 0;
    sum = Math.imul(sum ^ (sum >>> 16), FIRST_FACTOR);
    sum = Math.imul(sum ^ (sum >>> 13), SECOND_FACTOR);
    return sum ^ (sum >>> 16);
  }
}

/** The bytes that JSON is made of, by name. */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const OPEN_BRACE = 0x7b;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACE = 0x7d;
export const CLOSE_BRACKET = 0x5d;
/** From an opening brace or bracket to its closing one. */
export const TO_CLOSER = 2;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const MINUS = 0x2d;
export const PLUS = 0x2b;
export const DOT = 0x2e;
export const ZERO = 0x30;
export const LOWER_E = 0x65;
export const LOWER_U = 0x75;

export const literals = ["true", "false", "null"].map((word) => Buffer.from(word));
/** 1 for the bytes a string's plain run stops at: the quote, the backslash and control characters. */
export const stops = new Uint8Array(256)
  .fill(1, 0, 0x20)
  .fill(1, QUOTE, QUOTE + 1)
  .fill(1, BACKSLASH, BACKSLASH + 1);
export const simpleEscapes = byteSet('"\\/bfnrt');
export const hexDigits = byteSet("0123456789abcdefABCDEF");

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/**
 * `stops` for the four bytes of a word: sets the top bit of each that is a member. Without their top bits, adding 0x7f
 * carries into it unless the byte is zero (of the word xor four quotes), adding 0x60 unless it is below 0x20; no carry
 * leaves its byte. Bytes from 0x80 on are plain text.
 */
export function stopFlags(word: number): number {
  const low = word & 0x7f7f7f7f;
  const noQuote = (low ^ 0x22222222) + 0x7f7f7f7f;
  const noBackslash = (low ^ 0x5c5c5c5c) + 0x7f7f7f7f;
  return ~((noQuote & noBackslash & (low + 0x60606060)) | word) & 0x80808080;
}

/** By byte: 1 for the members. */
function byteSet(members: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const byte of Buffer.from(members)) set[byte] = 1;
  return set;
}

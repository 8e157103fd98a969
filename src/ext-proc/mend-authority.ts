/**
 * Envoy without an `authority` in its grpc_service names the cluster in :authority, and Istio's clusters are called
 * `outbound|9002||...`. Node's HTTP/2 resets a stream with a `|` there and tells nobody. So each character that it
 * forbids gives way to one that is allowed. The name keeps its length, and with it the size of the entry that goes into
 * the peer's and our header table: later requests that point at the entry need nothing more.
 */

const FORBIDDEN = /[^\w!$%&'()*+,\-.:;=[\]~]/g;
const STAND_IN = "-";

/** RFC 7541, appendix B, by length of code; within one length the codes count up in the order of the characters. */
const HUFFMAN: readonly (readonly [bits: number, characters: string])[] = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, "\\"],
];
/** Longer codes are of no character in ASCII that is written. */
const LONGEST_CODE = 19;

/** A character by its code, the code with a 1 in front so that leading zeros count. */
const characterOf = new Map<number, string>();
let code = 0;
let width = 5;
for (const [bits, characters] of HUFFMAN) {
  code <<= bits - width;
  width = bits;
  for (const character of characters) characterOf.set((1 << bits) | code++, character);
}

const AUTHORITY = ":authority";
/** Its index in the table that every connection starts with. */
const AUTHORITY_INDEX = 1;

/** A block of request headers, as HPACK has it, with its :authority mended; undefined where nothing is to be mended. */
export function mendAuthority(block: Buffer): Buffer | undefined {
  const position = { at: 0 };
  while (position.at < block.length) {
    const first = block[position.at] ?? 0;
    if (first & 0x80) readInteger(block, position, 7);
    else if ((first & 0xe0) === 0x20) readInteger(block, position, 5);
    else {
      const index = readInteger(block, position, first & 0x40 ? 6 : 4);
      const isAuthority = index === 0 ? readString(block, position) === AUTHORITY : index === AUTHORITY_INDEX;
      const start = position.at;
      const value = readString(block, position);
      if (!isAuthority) continue;
      // What is no HPACK is left to the real decoder to refuse.
      if (value === undefined || position.at > block.length || value.search(FORBIDDEN) < 0) return undefined;
      const mended = plainString(value.replace(FORBIDDEN, STAND_IN));
      return Buffer.concat([block.subarray(0, start), mended, block.subarray(position.at)]);
    }
  }
  return undefined;
}

interface Position {
  at: number;
}

/** An integer whose first byte gives it `bits` bits. */
function readInteger(block: Buffer, position: Position, bits: number): number {
  const mask = (1 << bits) - 1;
  let value = (block[position.at++] ?? 0) & mask;
  if (value < mask) return value;
  for (let shift = 0; shift < 28; shift += 7) {
    const next = block[position.at++] ?? 0;
    value += (next & 0x7f) << shift;
    if (next < 0x80) return value;
  }
  position.at = block.length;
  return 0;
}

/** Undefined where it is coded and has a character that is not in the table above. */
function readString(block: Buffer, position: Position): string | undefined {
  const isCoded = ((block[position.at] ?? 0) & 0x80) !== 0;
  const length = readInteger(block, position, 7);
  const bytes = block.subarray(position.at, position.at + length);
  position.at += length;
  return isCoded ? decoded(bytes) : bytes.toString("latin1");
}

/** What is left over at the end fills up the last byte. */
function decoded(bytes: Buffer): string | undefined {
  let text = "";
  let read = 1;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      read = (read << 1) | ((byte >> bit) & 1);
      const character = characterOf.get(read);
      if (character !== undefined) {
        text += character;
        read = 1;
      } else if (read >> LONGEST_CODE) return undefined;
    }
  }
  return text;
}

function plainString(text: string): Buffer {
  const length: number[] = [];
  let rest = text.length - 0x7f;
  if (rest < 0) length.push(text.length);
  else {
    length.push(0x7f);
    for (; rest >= 0x80; rest >>= 7) length.push((rest & 0x7f) | 0x80);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), Buffer.from(text, "latin1")]);
}

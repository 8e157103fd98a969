/**
 * Envoy without an `authority` in its grpc_service names the cluster in :authority, and Istio's clusters are called
 * `outbound|9002||...`. Node's HTTP/2 resets a stream with a `|` there and tells nobody. So such a character gives way
 * to one that is allowed and is written with just as many bits: lengths, and the size of the entry that goes into the
 * peer's and our header table, stay as they are, hence later requests that point at the entry need nothing more.
 */

/** Forbidden in :authority, and what stands in for it: of the same length in HPACK's Huffman code. */
const STAND_INS: Readonly<Record<string, string>> = { "|": "+", "/": "-", " ": "-", "?": "!", '"': "!", "@": "~" };

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
];
const LONGEST_CODE = 13;

/** A character by its code, the code with a 1 in front so that leading zeros count. */
const characterOf = new Map<number, string>();
const codeOf = new Map<string, number>();
let code = 0;
let width = 5;
for (const [bits, characters] of HUFFMAN) {
  code <<= bits - width;
  width = bits;
  for (const character of characters) {
    characterOf.set((1 << bits) | code, character);
    codeOf.set(character, code++);
  }
}

/** :authority in the table that every connection starts with. */
const AUTHORITY_INDEX = 1;

/** What a block of request headers says of :authority. */
export type Authority = "fine" | "mended";

/** Mends the block where it lies. What is no HPACK is left to the real decoder to refuse. */
export function mendAuthority(block: Buffer): Authority {
  const at = { at: 0 };
  while (at.at < block.length) {
    const first = block[at.at] ?? 0;
    if (first & 0x80) readInteger(block, at, 7);
    else if ((first & 0xe0) === 0x20) readInteger(block, at, 5);
    else {
      const index = readInteger(block, at, first & 0x40 ? 6 : 4);
      if (index === 0) readString(block, at);
      const { value, isHuffman } = readString(block, at);
      if (index === AUTHORITY_INDEX) return (isHuffman ? mendHuffman : mendPlain)(value) ? "mended" : "fine";
    }
  }
  return "fine";
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

function readString(block: Buffer, position: Position): { value: Buffer; isHuffman: boolean } {
  const isHuffman = ((block[position.at] ?? 0) & 0x80) !== 0;
  const length = readInteger(block, position, 7);
  const value = block.subarray(position.at, position.at + length);
  position.at += length;
  return { value, isHuffman };
}

function mendPlain(value: Buffer): boolean {
  let isMended = false;
  for (const [i, byte] of value.entries()) {
    const standIn = STAND_INS[String.fromCharCode(byte)];
    if (standIn === undefined) continue;
    value[i] = standIn.charCodeAt(0);
    isMended = true;
  }
  return isMended;
}

/** A character with a longer code than those above ends the search: it is allowed in no authority. */
function mendHuffman(value: Buffer): boolean {
  let isMended = false;
  let read = 1;
  for (let bit = 0; bit < value.length * 8; bit++) {
    read = (read << 1) | (((value[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
    const character = characterOf.get(read);
    if (character === undefined) {
      if (read >> LONGEST_CODE) break;
      continue;
    }
    const standIn = codeOf.get(STAND_INS[character] ?? "");
    if (standIn !== undefined) {
      writeBits(value, bit, standIn, 31 - Math.clz32(read));
      isMended = true;
    }
    read = 1;
  }
  return isMended;
}

/** Writes `count` bits of `bits`, of which the last comes to lie at `lastBit`. */
function writeBits(value: Buffer, lastBit: number, bits: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = lastBit - i;
    const mask = 1 << (7 - (at & 7));
    const before = value[at >> 3] ?? 0;
    value[at >> 3] = (bits >> i) & 1 ? before | mask : before & ~mask;
  }
}
